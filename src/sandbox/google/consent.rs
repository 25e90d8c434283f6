//! Google's consent screen, and the tokens that come of it.

use serde_json::json;

use super::token::refuse;
use crate::sandbox::auth::{Grant, LIFETIME};
use crate::sandbox::consents::{Code, Consented, back, id_token, malformed, subject};
use crate::sandbox::control::wire::Provider;
use crate::sandbox::http::{All, Reply, Request, State};

/// The consent screen; the person answers at once, as the control has said they would.
pub fn screen(state: &State, all: &mut All, request: &Request) -> Reply {
    let wrong = |error: &str| Reply::new(400, json!({"error": error}));
    if request.param("client_id") != Some(&state.google_client.client_id) {
        return wrong("invalid_client");
    }
    if let Some(name) = malformed(request) {
        return wrong(&format!("invalid_request: {name}"));
    }
    let (Some(redirect_uri), Some(asked)) = (request.param("redirect_uri"), request.param("scope")) else {
        return wrong("invalid_request: redirect_uri, scope");
    };
    let returned = request.param("state").unwrap_or_default();
    if all.consents.will.deny {
        return back(redirect_uri, &[("error", "access_denied"), ("state", returned)]);
    }
    if let Some((error, description)) = &all.consents.will.fails {
        let fields = [("error", &**error), ("error_description", &**description), ("state", returned)];
        return back(redirect_uri, &fields);
    }
    let Some((subject, _)) = subject(all, request, Provider::Google) else {
        return wrong("no such account");
    };
    let without = &all.consents.will.without;
    let mut scopes: Vec<String> = asked
        .split_whitespace()
        .filter(|scope| !without.iter().any(|left_out| scope.contains(left_out)))
        .map(str::to_owned)
        .collect();
    let before = all.consents.granted_by(&subject);
    // Who is not asked anew was given a refresh token the first time.
    let asked_anew = request.param("prompt").is_some_and(|prompt| prompt.contains("consent"));
    let lasts = request.param("access_type") == Some("offline") && (asked_anew || before.is_empty());
    if request.param("include_granted_scopes") == Some("true") {
        scopes.extend(before);
        scopes.sort();
        scopes.dedup();
    }
    let told = scopes.join(" ");
    let code = format!("4/{}", all.world.mint.token());
    let waiting = Code {
        provider: Provider::Google,
        redirect_uri: redirect_uri.to_owned(),
        challenge: request.param("code_challenge").unwrap_or_default().to_owned(),
        subject,
        scopes,
        lasts,
    };
    all.consents.wait(code.clone(), waiting);
    back(redirect_uri, &[("state", returned), ("code", &code), ("scope", &told)])
}

/// The token endpoint for codes and refresh tokens.
pub fn token(state: &State, all: &mut All, request: &Request, grant_type: &str) -> Reply {
    let field = |name: &str| request.form(name).unwrap_or_default();
    let client = &state.google_client;
    if field("client_id") != client.client_id || field("client_secret") != client.client_secret {
        return refuse(401, "invalid_client", "Unauthorized");
    }
    if grant_type == "authorization_code" {
        let Some(code) = all.consents.redeem(request, Provider::Google) else {
            return refuse(400, "invalid_grant", "Bad Request");
        };
        let consented = Consented { provider: Provider::Google, subject: code.subject, scopes: code.scopes };
        let refresh = code.lasts.then(|| format!("1//{}", all.world.mint.token()));
        if let Some(refresh) = &refresh {
            all.consents.keep(refresh.clone(), consented.clone());
        }
        let who = all.world.person(&consented.subject);
        let claims = json!({
            "iss": "https://accounts.google.com",
            "aud": client.client_id,
            "sub": who.map(|person| person.user_id.clone()),
            "email": consented.subject,
            "email_verified": true,
            "iat": all.world.now.timestamp(),
            "exp": all.world.now.timestamp() + 3600,
        });
        let id = consented
            .covers("openid")
            .then(|| id_token(claims, &all.consents.will.claims, &all.world.mint.token()));
        let mut reply = granted(all, consented);
        for (name, token) in [("refresh_token", refresh), ("id_token", id)] {
            if let Some(token) = token {
                reply.body[name] = json!(token);
            }
        }
        return reply;
    }
    match all.consents.find(&field("refresh_token"), Provider::Google) {
        Some(consented) => granted(all, consented),
        None => refuse(400, "invalid_grant", "Token has been expired or revoked."),
    }
}

fn granted(all: &mut All, consented: Consented) -> Reply {
    let token = format!("ya29.{}", all.world.mint.token());
    let Consented { subject, scopes, .. } = consented;
    let told = scopes.join(" ");
    all.accounts.issue(token.clone(), Grant::Google { subject, scopes });
    Reply::ok(json!({
        "access_token": token,
        "expires_in": all.consents.will.expires_in.unwrap_or(LIFETIME.as_secs()),
        "scope": told,
        "token_type": "Bearer",
    }))
}

/// The revocation endpoint. With one token ends all that its person has granted this client.
pub fn revoke(all: &mut All, request: &Request) -> Reply {
    let token = request.form("token").or_else(|| request.param("token").map(str::to_owned));
    match token.and_then(|token| all.consents.forget(&token)) {
        Some(consented) => {
            all.consents.revoke(&consented.subject);
            all.accounts.revoke_of(&consented.subject);
            Reply::ok(json!({}))
        }
        None => refuse(400, "invalid_token", "Token expired or revoked"),
    }
}

//! Microsoft's consent screen, and the tokens that come of it.

use serde_json::json;

use super::certificate;
use super::login::refuse;
use crate::sandbox::auth::{Grant, LIFETIME};
use crate::sandbox::consents::{Code, Consented, back, id_token, malformed, subject};
use crate::sandbox::control::wire::Provider;
use crate::sandbox::http::{All, Reply, Request, State};

/// The consent screen; the person answers at once, as the control has said they would.
pub fn screen(state: &State, all: &mut All, request: &Request, tenant: &str) -> Reply {
    let wrong = |told: &str| Reply::new(400, json!({"error": told}));
    if tenant != state.microsoft.tenant_id || request.param("client_id") != Some(&state.microsoft.client_id) {
        return wrong("AADSTS700016: the application was not found in the directory");
    }
    if let Some(name) = malformed(request) {
        return wrong(&format!("AADSTS900144: {name}"));
    }
    let (Some(redirect_uri), Some(asked)) = (request.param("redirect_uri"), request.param("scope")) else {
        return wrong("AADSTS900144: redirect_uri, scope");
    };
    let returned = request.param("state").unwrap_or_default();
    if all.consents.will.deny {
        let told = "AADSTS65004: User declined to consent to access the app.";
        let fields = [
            ("error", "access_denied"),
            ("error_description", told),
            ("error_subcode", "cancel"),
            ("state", returned),
        ];
        return back(redirect_uri, &fields);
    }
    if let Some((error, description)) = &all.consents.will.fails {
        let fields = [("error", &**error), ("error_description", &**description), ("state", returned)];
        return back(redirect_uri, &fields);
    }
    let Some((subject, _)) = subject(all, request, Provider::Microsoft) else {
        return wrong("AADSTS50034: the user account does not exist in the directory");
    };
    let without = &all.consents.will.without;
    let scopes: Vec<String> = asked
        .split_whitespace()
        .filter(|scope| !without.iter().any(|left_out| scope.contains(left_out)))
        .map(str::to_owned)
        .collect();
    let code = format!("0.{}", all.world.mint.token());
    let waiting = Code {
        provider: Provider::Microsoft,
        redirect_uri: redirect_uri.to_owned(),
        challenge: request.param("code_challenge").unwrap_or_default().to_owned(),
        subject,
        lasts: scopes.iter().any(|scope| scope == "offline_access"),
        scopes,
    };
    all.consents.wait(code.clone(), waiting);
    back(redirect_uri, &[("code", &code), ("state", returned), ("session_state", "0")])
}

/// The token endpoint for codes and refresh tokens. A refresh token that was used is worth nothing any
/// more: the real one lives on for a while, which nobody should rest on.
pub fn token(state: &State, all: &mut All, request: &Request, tenant: &str, grant_type: &str) -> Reply {
    if let Err(reply) = certificate::shown(state, all, request, tenant, None) {
        return reply;
    }
    let consented = if grant_type == "authorization_code" {
        match all.consents.redeem(request, Provider::Microsoft) {
            Some(code) => {
                Consented { provider: Provider::Microsoft, subject: code.subject, scopes: code.scopes }
            }
            None => return refuse(400, "invalid_grant", 9_002_313, "Invalid request."),
        }
    } else {
        let token = request.form("refresh_token").unwrap_or_default();
        let asked = request.form("scope").unwrap_or_default();
        match all.consents.find(&token, Provider::Microsoft) {
            Some(consented) if asked.split_whitespace().any(|one| !consented.covers(one)) => {
                let told = "The user or administrator has not consented to use the application.";
                return refuse(400, "invalid_grant", 65_001, told);
            }
            Some(consented) => {
                all.consents.forget(&token);
                consented
            }
            None => {
                let told =
                    "The provided grant has expired due to it being revoked, a fresh auth token is needed.";
                return refuse(400, "invalid_grant", 50_173, told);
            }
        }
    };
    let refresh = consented.covers("offline_access").then(|| format!("0.A{}", all.world.mint.token()));
    if let Some(refresh) = &refresh {
        all.consents.keep(refresh.clone(), consented.clone());
    }
    let access = format!("eyJ0eXAiOiJKV1QifQ.{}.{}", all.world.mint.token(), all.world.mint.token());
    let claims = json!({
        "iss": format!("{}/login/{tenant}/v2.0", state.base),
        "aud": state.microsoft.client_id,
        "tid": tenant,
        "oid": all.world.person(&consented.subject).map(|person| person.user_id.clone()),
        "preferred_username": consented.subject,
        "email": consented.subject,
        "iat": all.world.now.timestamp(),
        "exp": all.world.now.timestamp() + 3600,
    });
    let id = consented
        .covers("openid")
        .then(|| id_token(claims, &all.consents.will.claims, &all.world.mint.token()));
    let Consented { subject, scopes, .. } = consented;
    let told: Vec<&str> =
        scopes.iter().map(String::as_str).filter(|scope| *scope != "offline_access").collect();
    let told = told.join(" ");
    let scopes = scopes.iter().map(|scope| scope.rsplit('/').next().unwrap_or(scope).to_owned()).collect();
    all.accounts.issue(access.clone(), Grant::MicrosoftUser { subject, scopes });
    Reply::ok(json!({
        "token_type": "Bearer",
        "scope": told,
        "expires_in": all.consents.will.expires_in.unwrap_or(LIFETIME.as_secs()),
        "access_token": access,
        "refresh_token": refresh,
        "id_token": id,
    }))
}

/// What somebody asks for, with their own id in the place of `me`, if what they consented to opens it:
/// their own calendar and the calls that they organised, and nothing else.
pub fn opens(all: &All, subject: &str, scopes: &[String], rest: &[&str]) -> Option<Vec<String>> {
    let person = all.world.user(Provider::Microsoft, subject)?;
    let own = |key: &str| {
        all.world.user(Provider::Microsoft, key).is_some_and(|other| other.address == person.address)
    };
    let has = |wanted: &str| scopes.iter().any(|scope| scope == wanted);
    let reads = has("Calendars.Read") || has("Calendars.ReadWrite");
    let rest = match rest {
        ["me", rest @ ..] => [&["users", &person.user_id], rest].concat(),
        _ => rest.to_vec(),
    };
    let opens = match rest[..] {
        ["subscriptions", ..] => reads,
        ["users", key, "onlineMeetings", _, "attendanceReports", ..] => {
            own(key) && has("OnlineMeetingArtifact.Read.All")
        }
        ["users", key, "onlineMeetings", ..] => own(key) && has("OnlineMeetings.Read"),
        ["users", key, _, ..] => reads && own(key),
        _ => false,
    };
    opens.then(|| rest.into_iter().map(str::to_owned).collect())
}

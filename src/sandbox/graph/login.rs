//! Microsoft's token endpoint for an application with its own permissions.

use serde_json::json;

use super::{certificate, consent};
use crate::sandbox::auth::{Grant, LIFETIME};
use crate::sandbox::http::{All, Reply, Request, State};

pub fn answer(state: &State, all: &mut All, request: &Request, tenant: &str) -> Reply {
    if request.method != "POST" {
        return refuse(400, "invalid_request", 900_561, "The endpoint only accepts POST requests.");
    }
    if tenant != state.microsoft.tenant_id {
        return refuse(400, "invalid_request", 90_002, &format!("Tenant '{tenant}' not found."));
    }
    if let Some(grant_type @ ("authorization_code" | "refresh_token")) = request.form("grant_type").as_deref()
        && request.form("client_id").as_deref() == Some(&state.microsoft.client_id)
    {
        return consent::token(state, all, request, tenant, grant_type);
    }
    if request.form("grant_type").as_deref() != Some("client_credentials") {
        return refuse(400, "unsupported_grant_type", 70_003, "The app requested an unsupported grant type.");
    }
    // The id and the secret may come in the body or as HTTP basic authentication.
    let (basic_id, basic_secret) = basic(request).unzip();
    let id = request.form("client_id").or(basic_id).unwrap_or_default();
    if id != state.microsoft.client_id {
        let told = format!("Application with identifier '{id}' was not found in the directory '{tenant}'.");
        return refuse(400, "unauthorized_client", 700_016, &told);
    }
    if let Err(reply) = certificate::shown(state, all, request, tenant, basic_secret) {
        return reply;
    }
    let scope = request.form("scope").unwrap_or_default();
    if !scope.ends_with("/.default") || scope.split_whitespace().count() != 1 {
        let told = format!(
            "The provided request must include a 'scope' of the form resource/.default; '{scope}' is not valid."
        );
        return refuse(400, "invalid_scope", 1_002_012, &told);
    }
    let token =
        format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.{}.{}", all.world.mint.token(), all.world.mint.token());
    all.accounts.issue(token.clone(), Grant::Microsoft);
    Reply::ok(json!({
        "token_type": "Bearer",
        "expires_in": LIFETIME.as_secs(),
        "ext_expires_in": LIFETIME.as_secs(),
        "access_token": token,
    }))
}

fn basic(request: &Request) -> Option<(String, String)> {
    use base64::Engine as _;
    let value = request.header("authorization")?.strip_prefix("Basic ")?;
    let text = String::from_utf8(base64::engine::general_purpose::STANDARD.decode(value).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let plain = |part: &str| {
        url::form_urlencoded::parse(format!("v={}", part.replace('+', "%2B")).as_bytes())
            .next()
            .map_or_else(String::new, |(_, value)| value.into_owned())
    };
    Some((plain(id), plain(secret)))
}

pub fn refuse(status: u16, error: &str, code: u32, told: &str) -> Reply {
    Reply::new(
        status,
        json!({
            "error": error,
            "error_description": format!("AADSTS{code}: {told} Trace ID: 00000000-0000-0000-0000-000000000000"),
            "error_codes": [code],
            "trace_id": "00000000-0000-0000-0000-000000000000",
            "correlation_id": "00000000-0000-0000-0000-000000000000",
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        }),
    )
}

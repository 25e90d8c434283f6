//! Google's errors, in the older form with `errors[]`.

use serde_json::json;

use crate::sandbox::http::Reply;

pub fn invalid(name: &'static str) -> Reply {
    error(400, "global", "invalid", &format!("Invalid value for: {name}"), Some(name))
}

/// The token does not carry the scope.
pub fn insufficient() -> Reply {
    Reply::new(
        403,
        json!({"error": {
            "code": 403,
            "message": "Request had insufficient authentication scopes.",
            "errors": [{"message": "Insufficient Permission", "domain": "global", "reason": "insufficientPermissions"}],
            "status": "PERMISSION_DENIED",
            "details": [{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                "domain": "googleapis.com",
                "metadata": {"service": "calendar-json.googleapis.com"},
            }],
        }}),
    )
}

/// Google's usual answer with a status.
pub fn usual_error(status: u16) -> Reply {
    match status {
        400 => error(400, "global", "badRequest", "Bad Request", None),
        401 => {
            let mut reply = error(401, "global", "authError", "Invalid Credentials", None);
            reply.body["error"]["errors"][0]["locationType"] = json!("header");
            reply.body["error"]["errors"][0]["location"] = json!("Authorization");
            reply
        }
        403 => error(403, "usageLimits", "rateLimitExceeded", "Rate Limit Exceeded", None),
        404 => error(404, "global", "notFound", "Not Found", None),
        410 => {
            let told = "Sync token is no longer valid, a full sync is required.";
            error(410, "calendar", "fullSyncRequired", told, Some("syncToken"))
        }
        429 => error(429, "usageLimits", "rateLimitExceeded", "Rate Limit Exceeded", None),
        status => error(status, "global", "backendError", "Backend Error", None),
    }
}

pub fn error(status: u16, domain: &str, reason: &str, told: &str, parameter: Option<&str>) -> Reply {
    let mut line = json!({"domain": domain, "reason": reason, "message": told});
    if let Some(name) = parameter {
        line["locationType"] = json!("parameter");
        line["location"] = json!(name);
    }
    Reply::new(status, json!({"error": {"errors": [line], "code": status, "message": told}}))
}

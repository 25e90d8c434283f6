//! Google's Admin SDK Directory: one user by id or address.

use serde_json::json;

use crate::sandbox::auth::Grant;
use crate::sandbox::control::wire::Provider;
use crate::sandbox::google::error::{error, usual_error};
use crate::sandbox::http::{All, Reply, Request};

const READ: &str = "https://www.googleapis.com/auth/admin.directory.user.readonly";

pub fn answer(all: &All, request: &Request, rest: &[&str]) -> Reply {
    let Some(Grant::Google { subject, scopes }) = all.accounts.find(request.bearer()) else {
        return usual_error(401);
    };
    // Administrators see everyone; others only the public view of their domain, when they ask for it.
    let admin = all.world.person(subject).is_some_and(|person| person.admin);
    let public = request.param("viewType") == Some("domain_public");
    if !scopes.iter().any(|scope| scope == READ) || request.method != "GET" || !(admin || public) {
        return error(403, "global", "forbidden", "Not Authorized to access this resource/api", None);
    }
    match rest {
        ["users", key] => match all.world.user(Provider::Google, key) {
            Some(person) => Reply::ok(json!({
                "kind": "admin#directory#user",
                "id": person.user_id,
                "primaryEmail": person.address,
                "name": {"fullName": person.name},
                "emails": [{"address": person.address, "primary": true}],
                "isAdmin": person.admin,
            })),
            None => error(404, "global", "notFound", "Resource Not Found: userKey", None),
        },
        _ => usual_error(404),
    }
}

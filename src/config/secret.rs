//! Secrets: given directly or by a file, never both.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::check::Checker;

/// A secret as the configuration gives it; `key` is its name, `key_file` that of its file.
pub struct Given {
    pub key: &'static str,
    pub direct: Option<String>,
    pub file: Option<String>,
}

/// The secret, or `None` when there is none or something is wrong with it.
pub fn secret(at: &str, given: Given, checker: &mut Checker<'_>) -> Option<SecretString> {
    let Given { key, direct, file } = given;
    let (at_key, at_file) = (format!("{at}.{key}"), format!("{at}.{key}_file"));
    match (direct, file) {
        (Some(_), Some(_)) => {
            let remedy = format!("leave one of them out; {key}_file is the safer one");
            checker.refuse(&at_key, &format!("both {key} and {key}_file"), &remedy)
        }
        (Some(text), None) if text.trim().is_empty() => checker.refuse(
            &at_key,
            "an empty text",
            &format!("write the secret, or {key}_file with the file that holds it"),
        ),
        (Some(text), None) => Some(SecretString::from(text)),
        (None, Some(name)) if name.trim().is_empty() => {
            checker.refuse(&at_file, "an empty text", "write the path of the file")
        }
        (None, Some(name)) => from_file(&at_file, &name, checker),
        (None, None) => None,
    }
}

fn from_file(at: &str, name: &str, checker: &mut Checker<'_>) -> Option<SecretString> {
    let places = places(name, checker);
    let Some(file) = places.iter().find(|place| place.exists()) else {
        let looked: Vec<_> = places.iter().map(|p| p.display().to_string()).collect();
        let remedy = format!(
            "put the file there, readable by mentord alone, or correct the name; looked for {}",
            looked.join(", then ")
        );
        return checker.refuse(at, &format!("{name:?}, which does not exist"), &remedy);
    };
    let text = match std::fs::read(file).map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(_)) => {
            let found = format!("{}, which is not UTF-8 text", file.display());
            return checker.refuse(at, &found, "name the file that holds the secret as text");
        }
        Err(error) => {
            let found = format!("{}, which cannot be read: {error}", file.display());
            return checker.refuse(at, &found, "let the user that runs mentord read it");
        }
    };
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.trim().is_empty() {
        let found = format!("{}, which is empty", file.display());
        return checker.refuse(at, &found, "put the secret into the file");
    }
    if is_world_readable(file) {
        let file = file.display();
        checker.warn(at, &format!("everybody on this machine can read {file}; do `chmod o= {file}`"));
    }
    Some(SecretString::from(line.to_owned()))
}

/// systemd's credentials first, then beside the configuration.
fn places(name: &str, checker: &Checker<'_>) -> Vec<PathBuf> {
    if Path::new(name).is_absolute() {
        return vec![PathBuf::from(name)];
    }
    let folders = checker.source.credentials.iter();
    let folders = folders.chain([&checker.source.folder]);
    folders.map(|folder| folder.join(name)).collect()
}

#[cfg(unix)]
fn is_world_readable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|meta| meta.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_world_readable(_: &Path) -> bool {
    false
}

/// Whether the text is the key file of a Google service account; an error is what was found
/// instead, and what to do.
pub fn google_key(key: &SecretString) -> Result<(), (String, String)> {
    let make = "make one in Google's console: IAM & Admin, Service accounts, Keys, Add key, JSON";
    let Ok(json) = serde_json::from_str::<serde_json::Value>(key.expose_secret()) else {
        return Err(("a key that is not JSON".to_owned(), make.to_owned()));
    };
    if json.get("installed").is_some() || json.get("web").is_some() {
        let found = "the file of an OAuth client, not of a service account".to_owned();
        return Err((found, make.to_owned()));
    }
    let missing: Vec<&str> = ["client_email", "private_key", "token_uri"]
        .into_iter()
        .filter(|field| json.get(field).and_then(|v| v.as_str()).is_none_or(str::is_empty))
        .collect();
    if !missing.is_empty() {
        let found = format!("a key file without {}", missing.join(", "));
        return Err((found, make.to_owned()));
    }
    let token_uri = json["token_uri"].as_str().unwrap_or_default();
    super::values::provider_url(token_uri, super::values::End::Bare).map_err(|remedy| {
        let found = format!("a key file with the token_uri {token_uri:?}");
        (found, format!("take the file as Google made it, or {remedy}"))
    })?;
    Ok(())
}

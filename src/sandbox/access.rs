//! How a service is pointed at the sandbox: the files and the lines of configuration that an operator
//! would get from the consoles of the two vendors.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::sandbox::Sandbox;

impl Sandbox {
    /// Writes the secrets into `dir` and returns the mail server and two connections as TOML: `acme`
    /// with Google for `acme.example`, and `contoso` with Microsoft for `contoso.example`. Nothing
    /// slows them down: weeks may pass in seconds here.
    pub fn grant_access(&self, dir: &Path) -> io::Result<String> {
        let app = self.microsoft_app();
        secret(&dir.join("google-key.json"), &self.google_key_json())?;
        secret(&dir.join("graph-secret"), &app.client_secret)?;
        Ok(format!(
            r#"[mail]
smtp_url = "{smtp}"
from = "Mentoring <mentoring@acme.example>"
max_per_minute = 100000

[[connections]]
name = "acme"
provider = "google"
auth = "service_account"
key_file = "google-key.json"
domains = ["acme.example"]
requests_per_minute = 1000000
api_url = "{google}"
meet_url = "{meet}"
directory_url = "{directory}"

[[connections]]
name = "contoso"
provider = "microsoft"
auth = "client_credentials"
tenant_id = "{tenant}"
client_id = "{client}"
client_secret_file = "graph-secret"
domains = ["contoso.example"]
requests_per_minute = 1000000
graph_url = "{graph}"
login_url = "{login}"
"#,
            smtp = self.smtp_url(),
            google = self.google_api_url(),
            meet = self.meet_url(),
            directory = self.directory_url(),
            tenant = app.tenant_id,
            client = app.client_id,
            graph = self.graph_url(),
            login = self.login_url(),
        ))
    }
}

/// Writes a file that only its owner may read.
fn secret(file: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(file)?.write_all(text.as_bytes())
}

//! A certificate with its private key, by which an application signs in to Microsoft.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rustls::crypto::ring::sign::RsaSigningKey;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey};
use secrecy::{ExposeSecret, SecretString};

/// A certificate and the RSA key that belongs to it.
#[derive(Clone)]
pub struct Certificate {
    pub der: CertificateDer<'static>,
    pub key: Arc<dyn SigningKey>,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").finish_non_exhaustive()
    }
}

const MAKE: &str = "put both into one PEM file: `cat mentord.key mentord.crt > graph-certificate.pem`";

impl Certificate {
    /// Reads one PEM text with both parts. An error is what was found, and what to do instead; nothing
    /// of the key is quoted.
    pub fn read(pem: &SecretString) -> Result<Self, (String, String)> {
        let text = pem.expose_secret().as_bytes();
        let wrong = |found: &str, remedy: &str| (found.to_owned(), remedy.to_owned());
        let der = CertificateDer::from_pem_slice(text)
            .map_err(|_| wrong("no certificate in PEM (`BEGIN CERTIFICATE`)", MAKE))?;
        if pem.expose_secret().contains("BEGIN ENCRYPTED PRIVATE KEY") {
            let remedy =
                "take the passphrase off with `openssl pkey`, and let nobody but mentord read the file";
            return Err(wrong("a private key with a passphrase", remedy));
        }
        let key = PrivateKeyDer::from_pem_slice(text)
            .map_err(|_| wrong("no private key in PEM (`BEGIN PRIVATE KEY`)", MAKE))?;
        let key = RsaSigningKey::new(&key).map_err(|_| {
            wrong(
                "a private key that is no RSA key",
                "make one of 2048 bits or more: Microsoft takes RSA only",
            )
        })?;
        let pair = CertifiedKey::new(vec![der.clone()], Arc::new(key));
        match (pair.keys_match(), expires_at(&der)) {
            (Ok(()), Some(expires_at)) => Ok(Self { der, key: pair.key, expires_at }),
            (Err(rustls::Error::InconsistentKeys(_)), _) => Err(wrong(
                "a certificate and a private key that do not belong together",
                "put the certificate that was made with this key first in the file",
            )),
            (Err(_), _) | (Ok(()), None) => Err(wrong("a certificate that cannot be read", MAKE)),
        }
    }
}

fn expires_at(der: &CertificateDer<'_>) -> Option<DateTime<Utc>> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0)
}

//! Asking a person for consent: a link, a sign-in bound to the browser that began it, and what came of
//! it.
//!
//! ```text
//! invite -> link -> begin -> the vendor's page -> finish -> account
//!                   (state, cookie)              (code)
//! ```
//!
//! What only the person or the browser knows is random, and kept as a hash. The secret of the browser
//! is the PKCE verifier, too: whoever has the code but not the cookie can do nothing with it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use url::Url;

pub use super::finish::{CameBack, Outcome, finish};
use crate::domain::people::Address;
use crate::pipeline::Context;
use crate::pipeline::secrets::{self, digest};
use crate::providers::consent::Errand;
use crate::store::{Consent, ConsentKind, StoreError};

/// How long a link to the consent page is good.
pub const LINK_LASTS: TimeDelta = TimeDelta::days(7);
/// How long somebody may take to sign in.
pub const STATE_LASTS: TimeDelta = TimeDelta::minutes(20);
/// How long the link to withdraw is good that is shown after consenting.
pub const WITHDRAW_LASTS: TimeDelta = TimeDelta::days(365);

/// Where people's browsers find the pages.
#[derive(Clone, Debug)]
pub struct Pages {
    root: Url,
}

impl Pages {
    /// `public_url` ends with a slash.
    pub fn new(public_url: &Url) -> Self {
        Self { root: public_url.clone() }
    }

    /// Where the vendors send people back to; to be registered there.
    pub fn callback(&self) -> Url {
        self.below("callback")
    }

    /// The path under which all pages are.
    pub fn path(&self) -> String {
        self.below("").path().to_owned()
    }

    pub fn is_secure(&self) -> bool {
        self.root.scheme() == "https"
    }

    fn link(&self, kind: ConsentKind, secret: &str) -> Url {
        match kind {
            ConsentKind::Withdraw => self.below(&format!("withdraw/{secret}")),
            ConsentKind::Connect | ConsentKind::State => self.below(&format!("link/{secret}")),
        }
    }

    fn below(&self, path: &str) -> Url {
        let mut url = self.root.clone();
        url.set_path(&format!("{}consent/{path}", self.root.path()));
        url
    }
}

/// What a link turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    Open(Consent),
    /// It was used; the person may have connected already.
    Used,
    Expired,
    /// There never was such a link, or it was long ago.
    Unknown,
}

/// A sign-in that has begun.
pub struct Begun {
    /// The vendor's page.
    pub page: Url,
    /// What the browser has to keep, and to show when it comes back.
    pub browser: String,
}

/// Makes a link for somebody.
pub async fn invite(
    context: &Context,
    connection: &str,
    address: &Address,
    kind: ConsentKind,
) -> Result<Option<(Url, DateTime<Utc>)>, StoreError> {
    let Some(pages) = &context.pages else { return Ok(None) };
    let lasts = match kind {
        ConsentKind::Withdraw => WITHDRAW_LASTS,
        ConsentKind::Connect | ConsentKind::State => LINK_LASTS,
    };
    let (secret, now) = (secrets::secret(), context.clock.now());
    let expires_at = now + lasts;
    let consent = Consent {
        hash: digest(&secret),
        kind,
        connection: connection.to_owned(),
        address: address.clone(),
        browser: None,
        link: None,
        expires_at,
        used_at: None,
    };
    context.store.add_consent(&consent, now).await?;
    Ok(Some((pages.link(kind, &secret), expires_at)))
}

/// What is known of a link with this secret.
pub async fn look(context: &Context, kind: ConsentKind, secret: &str) -> Result<Link, StoreError> {
    let found = context.store.consent(&digest(secret)).await?;
    let Some(consent) = found.filter(|found| found.kind == kind) else { return Ok(Link::Unknown) };
    // To withdraw is possible also where nobody is asked any more.
    if kind != ConsentKind::Withdraw && !context.accounts.contains_key(&consent.connection) {
        return Ok(Link::Unknown);
    }
    Ok(match &consent {
        consent if consent.used_at.is_some() => Link::Used,
        consent if consent.expires_at <= context.clock.now() => Link::Expired,
        _ => Link::Open(consent),
    })
}

/// The name of the vendor behind a connection.
pub fn vendor(context: &Context, connection: &str) -> &'static str {
    context.accounts.get(connection).map_or("the provider", |accounts| accounts.sign_in().vendor())
}

/// Begins a sign-in for a link. `Err`: the link is not (any more) what it would have to be.
pub async fn begin(context: &Context, secret: &str) -> Result<Result<Begun, Link>, StoreError> {
    let link = match look(context, ConsentKind::Connect, secret).await? {
        Link::Open(link) => link,
        other => return Ok(Err(other)),
    };
    let (Some(accounts), Some(pages)) = (context.accounts.get(&link.connection), &context.pages) else {
        return Ok(Err(Link::Unknown));
    };
    let (state, browser) = (secrets::secret(), secrets::secret());
    let now = context.clock.now();
    let consent = Consent {
        hash: digest(&state),
        kind: ConsentKind::State,
        browser: Some(digest(&browser)),
        link: Some(link.hash),
        expires_at: now + STATE_LASTS,
        used_at: None,
        connection: link.connection,
        address: link.address,
    };
    context.store.add_consent(&consent, now).await?;
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&browser));
    let page = accounts.sign_in().page(&Errand {
        state: &state,
        challenge: &challenge,
        redirect_uri: &pages.callback(),
        address: &consent.address,
    });
    Ok(Ok(Begun { page, browser }))
}

/// Withdraws the consent behind a link. `Ok(Ok(false))`: the vendor was not told, and the person should
/// do that.
pub async fn withdraw(context: &Context, secret: &str) -> Result<Result<(Consent, bool), Link>, StoreError> {
    let consent = match look(context, ConsentKind::Withdraw, secret).await? {
        Link::Open(consent) => consent,
        other => return Ok(Err(other)),
    };
    let now = context.clock.now();
    let reason = format!("the person withdrew their consent on {}", now.format("%Y-%m-%d"));
    let Consent { connection, address, .. } = &consent;
    let told = match context.accounts.get(connection) {
        Some(accounts) => accounts.withdraw(address, &reason).await?,
        None => context.store.withdraw_consent(connection, address, &reason, now).await?.is_none(),
    };
    tracing::info!(connection = consent.connection, "{} has withdrawn", consent.address.masked());
    Ok(Ok((consent, told)))
}

/// Whether tokens of somebody are kept.
pub async fn is_connected(context: &Context, consent: &Consent) -> Result<bool, StoreError> {
    let account = context.store.account(&consent.connection, &consent.address).await?;
    Ok(account.is_some_and(|account| account.tokens.is_some()))
}

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

use super::Accounts;
use crate::domain::people::Address;
use crate::pipeline::Context;
use crate::pipeline::secrets::{self, digest};
use crate::providers::ProviderError;
use crate::providers::consent::Errand;
use crate::store::{AccountState, Consent, ConsentKind, StoreError};

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

/// What came back from the vendor's page.
pub enum CameBack {
    Code(String),
    /// The vendor's word for why there is no code.
    Error(String),
}

/// What came of a sign-in.
#[derive(Debug)]
pub enum Outcome {
    Connected {
        address: Address,
        vendor: &'static str,
        withdraw: Url,
    },
    /// It was not begun here, has been used, or took too long.
    Stale,
    /// Somebody else began it, or the same person in another browser.
    OtherBrowser,
    /// The person said no.
    Denied,
    /// Their organisation wants an administrator to approve it first.
    NeedsAdministrator,
    /// What was granted is not enough to read a calendar.
    TooLittle,
    /// Somebody else has signed in than the link was for.
    SomebodyElse {
        expected: Address,
        signed_in: Vec<Address>,
    },
    /// It did not work; the text is for the operator.
    Trouble(String),
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
    if !context.accounts.contains_key(&consent.connection) {
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

/// Ends a sign-in with what came back to the browser that keeps `browser`.
pub async fn finish(
    context: &Context,
    state: &str,
    browser: Option<&str>,
    came_back: CameBack,
) -> Result<Outcome, StoreError> {
    let (now, state) = (context.clock.now(), digest(state));
    let Some(browser) = browser else { return Ok(Outcome::OtherBrowser) };
    let Some(consent) = context.store.use_state(&state, &digest(browser), now).await? else {
        let known = context.store.consent(&state).await?;
        let waits = known
            .is_some_and(|it| it.kind == ConsentKind::State && it.used_at.is_none() && it.expires_at > now);
        return Ok(if waits { Outcome::OtherBrowser } else { Outcome::Stale });
    };
    // Two sign-ins may have begun with one link; the first that ends uses it up.
    let link = match &consent.link {
        Some(link) => context.store.consent(link).await?,
        None => None,
    };
    if link.is_none_or(|link| link.used_at.is_some()) {
        return Ok(Outcome::Stale);
    }
    let (Some(accounts), Some(pages)) = (context.accounts.get(&consent.connection), &context.pages) else {
        return Ok(Outcome::Stale);
    };
    let code = match came_back {
        CameBack::Code(code) => code,
        CameBack::Error(error) => return Ok(unsaid(&error)),
    };
    let granted = match accounts.sign_in().redeem(&code, browser, &pages.callback()).await {
        Ok(granted) => granted,
        Err(error) => return Ok(trouble(&consent.connection, &error)),
    };
    let outcome = if !granted.who.iter().any(|who| who.is_same_mailbox(&consent.address)) {
        Outcome::SomebodyElse { expected: consent.address, signed_in: granted.who.clone() }
    } else if !accounts.suffices(&granted) {
        Outcome::TooLittle
    } else {
        return connected(context, accounts, consent, &granted).await;
    };
    // What nobody will use is given back.
    if let Some(refresh) = &granted.refresh_token {
        let _ = accounts.sign_in().revoke(refresh).await;
    }
    Ok(outcome)
}

async fn connected(
    context: &Context,
    accounts: &Accounts,
    consent: Consent,
    granted: &crate::providers::consent::Granted,
) -> Result<Outcome, StoreError> {
    if let Err(error) = accounts.keep(&consent.address, granted, consent.link.as_deref()).await {
        return Ok(trouble(&consent.connection, &error));
    }
    tracing::info!(connection = consent.connection, "{} has consented", consent.address.masked());
    let withdraw = invite(context, &consent.connection, &consent.address, ConsentKind::Withdraw).await?;
    let vendor = accounts.sign_in().vendor();
    Ok(match withdraw {
        Some((withdraw, _)) => Outcome::Connected { address: consent.address, vendor, withdraw },
        None => Outcome::Stale,
    })
}

/// Why there is no code, from the vendor's word for it.
fn unsaid(error: &str) -> Outcome {
    match error {
        "access_denied" => Outcome::Denied,
        "admin_policy_enforced" | "consent_required" | "interaction_required" => Outcome::NeedsAdministrator,
        // The word came through the browser: anybody may have written it.
        other => {
            let word: String =
                other.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(60).collect();
            tracing::warn!("a sign-in ended without a code: {word}");
            Outcome::Trouble(format!("the sign-in ended with {word}"))
        }
    }
}

fn trouble(connection: &str, error: &ProviderError) -> Outcome {
    tracing::warn!(connection, "a sign-in did not work: {error}");
    Outcome::Trouble(error.to_string())
}

/// Withdraws the consent behind a link. `Ok(Ok(false))`: the vendor was not told, and the person should
/// do that.
pub async fn withdraw(context: &Context, secret: &str) -> Result<Result<(Consent, bool), Link>, StoreError> {
    let consent = match look(context, ConsentKind::Withdraw, secret).await? {
        Link::Open(consent) => consent,
        other => return Ok(Err(other)),
    };
    let Some(accounts) = context.accounts.get(&consent.connection) else { return Ok(Err(Link::Unknown)) };
    let day = context.clock.now().format("%Y-%m-%d");
    let reason = format!("the person withdrew their consent on {day}");
    let told = accounts.withdraw(&consent.address, &reason).await?;
    tracing::info!(connection = consent.connection, "{} has withdrawn", consent.address.masked());
    Ok(Ok((consent, told)))
}

/// Whether somebody has consented, and it holds.
pub async fn is_connected(context: &Context, consent: &Consent) -> Result<bool, StoreError> {
    let account = context.store.account(&consent.connection, &consent.address).await?;
    Ok(account.is_some_and(|account| account.state == AccountState::Consented))
}

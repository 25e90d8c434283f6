//! The tokens of those who consented: opened for the providers, renewed by one at a time, and sealed
//! again before they are used.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::clock::Clock;
use crate::domain::people::Address;
use crate::providers::consent::{Granted, NotGranted, SignIn};
use crate::providers::{ProviderError, Tokens};
use crate::store::{Account, AccountState, Finished, REFRESH_LASTS, Refresh, Sealed, Store, StoreError};

pub mod consent;
mod finish;
pub mod given_up;
mod seal;

pub use seal::{Keyring, OpenError, Owner};

/// For how long a token has to be good to be handed out without being renewed, in seconds.
const EARLY_S: i64 = 120;
/// For how long it has to be good to be used while somebody else renews it, in seconds.
const LAST_S: i64 = 20;
/// How often to look whether somebody else has renewed it.
const LOOK_AGAIN: Duration = Duration::from_millis(150);
/// How long to wait before tokens that could not be written down are written down once more: a
/// refresh token that was rotated is lost with them.
const PAUSES: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(5)];

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Pair {
    access: String,
    refresh: String,
}

/// The accounts of one connection.
#[derive(Clone)]
pub struct Accounts {
    connection: String,
    store: Store,
    keys: Arc<Keyring>,
    sign_in: Arc<dyn SignIn>,
    clock: Arc<dyn Clock>,
}

impl Accounts {
    pub fn new(
        connection: &str,
        store: Store,
        keys: Arc<Keyring>,
        sign_in: Arc<dyn SignIn>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { connection: connection.to_owned(), store, keys, sign_in, clock }
    }

    pub fn sign_in(&self) -> &dyn SignIn {
        self.sign_in.as_ref()
    }

    fn owner<'a>(&'a self, address: &'a Address) -> Owner<'a> {
        Owner { connection: &self.connection, address }
    }

    fn open(&self, sealed: &str, address: &Address) -> Result<Pair, ProviderError> {
        let text = self
            .keys
            .open(sealed, self.owner(address))
            .map_err(|error| ProviderError::Refused(error.to_string()))?;
        serde_json::from_str(text.expose_secret())
            .map_err(|_| ProviderError::Refused(OpenError::Spoilt.to_string()))
    }

    fn seal(&self, pair: &Pair, address: &Address) -> Result<String, ProviderError> {
        let text = serde_json::to_string(pair)
            .map_err(|_| ProviderError::Garbled("tokens that cannot be written".into()))?;
        Ok(self.keys.seal(&text.into(), self.owner(address)))
    }

    /// Keeps what somebody has just granted; the calendar is due at once.
    pub async fn keep(
        &self,
        address: &Address,
        granted: &Granted,
        link: Option<&str>,
    ) -> Result<(), ProviderError> {
        let refresh = granted.refresh_token.as_ref().ok_or_else(|| {
            ProviderError::Refused("no refresh token was given, so nothing could be read later".into())
        })?;
        let pair = Pair {
            access: granted.access_token.expose_secret().to_owned(),
            refresh: refresh.expose_secret().to_owned(),
        };
        let tokens = self.seal(&pair, address)?;
        let scopes = self.scopes(granted, &[]);
        let sealed = sealed(&tokens, &scopes, granted);
        let now = self.clock.now();
        self.store.save_consent(&self.connection, address, sealed, link, now).await.map_err(unwritten)
    }

    /// What was granted; where nothing was said, it is what was asked for, or what it was before.
    fn scopes(&self, granted: &Granted, before: &[String]) -> Vec<String> {
        match &granted.scopes {
            Some(scopes) => scopes.clone(),
            None if before.is_empty() => vec![self.sign_in.needed().to_owned()],
            None => before.to_vec(),
        }
    }

    /// Whether what was granted is enough to read a calendar.
    pub fn suffices(&self, granted: &Granted) -> bool {
        covers(&self.scopes(granted, &[]), self.sign_in.needed())
    }

    /// Gives back tokens that nobody will use.
    async fn give_back(&self, granted: &Granted) -> Result<(), StoreError> {
        let Some(refresh) = &granted.refresh_token else { return Ok(()) };
        self.revoke_unless_used(refresh, granted.id.as_deref(), &granted.who).await
    }

    /// Revokes a token, unless somebody's consent rests on the same sign-in: with Google, to revoke one
    /// token ends all that the person consented to.
    async fn revoke_unless_used(
        &self,
        refresh: &SecretString,
        id: Option<&str>,
        who: &[Address],
    ) -> Result<(), StoreError> {
        if !self.store.keeps_tokens_of(id, who).await?
            && let Err(error) = self.sign_in.revoke(refresh).await
        {
            tracing::warn!(connection = self.connection, "tokens are dropped, not given back: {error}");
        }
        Ok(())
    }

    /// Deletes somebody's tokens and tells the provider, where it can be told. `false`: it could not.
    pub async fn withdraw(&self, address: &Address, reason: &str) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let sealed = self.store.withdraw_consent(&self.connection, address, reason, now).await?;
        let Some(sealed) = sealed else { return Ok(true) };
        // What cannot be opened cannot be used by anybody, either.
        let Ok(pair) = self.open(&sealed, address) else { return Ok(false) };
        match self.sign_in.revoke(&pair.refresh.into()).await {
            Ok(told) => Ok(told),
            Err(error) => {
                tracing::warn!(
                    connection = self.connection,
                    "{} could not be told of a withdrawal: {error}",
                    self.sign_in.vendor()
                );
                Ok(false)
            }
        }
    }

    /// Renews tokens; whoever calls has the right to. Not to be cut short: a rotated refresh token would
    /// be lost.
    async fn renew(self, address: Address, account: Account, refresh: Refresh) -> Renewed {
        let refused = match self.renewed(&address, &account, &refresh).await {
            Ok(token) => return Ok(token),
            Err(refused) => refused,
        };
        let done = match &refused {
            NotGranted::Ended(why) => self.store.refuse_account(&refresh, why, self.clock.now()).await,
            NotGranted::NotNow(_) => self.store.release_refresh(&refresh).await,
        };
        match done {
            Ok(Finished::Done(())) => Err(refused.into()),
            // Consent was given anew, or withdrawn, meanwhile.
            Ok(Finished::NotMine) => Ok(None),
            Err(error) => {
                tracing::warn!(connection = self.connection, "a refresh cannot be ended: {error}");
                Err(refused.into())
            }
        }
    }

    async fn renewed(
        &self,
        address: &Address,
        account: &Account,
        refresh: &Refresh,
    ) -> Result<Option<SecretString>, NotGranted> {
        let before = self.open(&refresh.tokens, address)?;
        let granted = self.sign_in.refresh(&before.refresh.clone().into(), &account.scopes).await?;
        let pair = Pair {
            access: granted.access_token.expose_secret().to_owned(),
            refresh: granted
                .refresh_token
                .as_ref()
                .map_or(before.refresh, |rotated| rotated.expose_secret().to_owned()),
        };
        let (tokens, scopes) = (self.seal(&pair, address)?, self.scopes(&granted, &account.scopes));
        let sealed = sealed(&tokens, &scopes, &granted);
        let mut pauses = PAUSES.into_iter();
        loop {
            match self.store.save_refreshed(refresh, sealed).await {
                Ok(Finished::Done(())) => break,
                Ok(Finished::NotMine) => return Ok(None),
                Err(error) => match pauses.next() {
                    Some(pause) => sleep(pause).await,
                    None => return Err(unwritten(error).into()),
                },
            }
        }
        tracing::debug!(connection = self.connection, subject = address.masked(), "tokens were renewed");
        Ok(Some(granted.access_token))
    }
}

/// A new token; `None`: things have changed meanwhile, look again.
type Renewed = Result<Option<SecretString>, ProviderError>;

#[async_trait]
impl Tokens for Accounts {
    async fn token(&self, mailbox: &Address, scope: &str) -> Result<SecretString, ProviderError> {
        let patience = Duration::from_secs(REFRESH_LASTS.unsigned_abs() + 10);
        let begun = Instant::now();
        while begun.elapsed() < patience {
            let account = self.store.account(&self.connection, mailbox).await.map_err(unread)?;
            // What was withdrawn is not accepted any more: to ask for a new token is to find out.
            if self.sign_in.ends_consents()
                && account.as_ref().is_some_and(|account| account.state == AccountState::Held)
            {
                self.store.use_held(&self.connection, mailbox).await.map_err(unread)?;
                continue;
            }
            let account = consented(account, self.sign_in.as_ref(), scope)?;
            let sealed = account.tokens.as_deref().unwrap_or_default();
            let access = SecretString::from(self.open(sealed, mailbox)?.access);
            if account.fresh_s > EARLY_S {
                return Ok(access);
            }
            let taken = self.store.take_refresh(&self.connection, mailbox, EARLY_S).await;
            let Some(refresh) = taken.map_err(unread)? else {
                if account.fresh_s > LAST_S {
                    return Ok(access);
                }
                sleep(LOOK_AGAIN).await;
                continue;
            };
            let fresh_s = account.fresh_s;
            let renewing = tokio::spawn(self.clone().renew(mailbox.clone(), account, refresh));
            match renewing.await {
                Ok(Ok(Some(token))) => return Ok(token),
                Ok(Ok(None)) => {}
                // What passes does no harm while there is a token that is still good.
                Ok(Err(ProviderError::Temporary(_) | ProviderError::Throttled { .. }))
                    if fresh_s > LAST_S =>
                {
                    return Ok(access);
                }
                Ok(Err(ProviderError::NeedsConsent(why))) => return Err(again(&why)),
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(ProviderError::Temporary("a refresh broke down".into())),
            }
        }
        Err(ProviderError::Temporary("somebody else renews the tokens, and does not end".into()))
    }

    async fn reject(&self, mailbox: &Address, token: &SecretString) -> Result<(), ProviderError> {
        let account = self.store.account(&self.connection, mailbox).await.map_err(unread)?;
        let Some(sealed) = account.and_then(|account| account.tokens) else { return Ok(()) };
        if self.open(&sealed, mailbox)?.access == token.expose_secret() {
            self.store.spoil_tokens(&self.connection, mailbox, &sealed).await.map_err(unread)?;
        }
        Ok(())
    }

    async fn whose(&self, id: &str) -> Result<Option<Address>, ProviderError> {
        self.store.consented_as(id).await.map_err(unread)
    }
}

/// The account, if it lets `scope` be used.
fn consented(account: Option<Account>, sign_in: &dyn SignIn, scope: &str) -> Result<Account, ProviderError> {
    let Some(account) = account else {
        return Err(again("nobody has consented yet"));
    };
    match account.state {
        AccountState::Consented => {}
        AccountState::Held => {
            let reason = account.reason.as_deref().unwrap_or("the database was restored");
            return Err(again(&format!(
                "{reason} (if nobody has, which the log tells, run `mentord restored --nobody-withdrew`)"
            )));
        }
        AccountState::Refused | AccountState::Withdrawn | AccountState::NotGiven => {
            return Err(again(account.reason.as_deref().unwrap_or("it was withdrawn")));
        }
    }
    if covers(&account.scopes, scope) {
        Ok(account)
    } else if scope == sign_in.needed() {
        Err(again("it does not cover reading the calendar"))
    } else {
        Err(ProviderError::Refused(format!(
            "the person has not consented to {scope}; the link of `mentord connect ADDRESS` asks them again"
        )))
    }
}

fn covers(scopes: &[String], scope: &str) -> bool {
    scopes.iter().any(|granted| granted.eq_ignore_ascii_case(scope))
}

/// With the remedy.
fn again(why: &str) -> ProviderError {
    ProviderError::NeedsConsent(format!("{why}; send the person the link of `mentord connect ADDRESS`"))
}

fn sealed<'a>(tokens: &'a str, scopes: &'a [String], granted: &'a Granted) -> Sealed<'a> {
    let lasts_s = i64::try_from(granted.expires_in.as_secs()).unwrap_or(i64::MAX / 2);
    Sealed { tokens, scopes, lasts_s, provider_id: granted.id.as_deref() }
}

fn unread(error: StoreError) -> ProviderError {
    ProviderError::Temporary(format!("the account cannot be read: {error}"))
}

fn unwritten(error: StoreError) -> ProviderError {
    ProviderError::Temporary(format!("the tokens cannot be kept: {error}"))
}

/// Seals anew what an older key has sealed. Returns how many, and how many nobody can open.
pub async fn reseal(store: &Store, keys: &Keyring) -> Result<(usize, usize), StoreError> {
    let (mut sealed_anew, mut closed) = (0, 0);
    for (connection, address, before) in store.sealed_tokens().await? {
        if keys.is_newest(&before) {
            continue;
        }
        let owner = Owner { connection: &connection, address: &address };
        let Ok(text) = keys.open(&before, owner) else {
            closed += 1;
            continue;
        };
        let after = keys.seal(&text, owner);
        sealed_anew += usize::from(store.reseal(&connection, &address, &before, &after).await?);
    }
    Ok((sealed_anew, closed))
}

//! Identifiers in the vendors' forms, all made from the seed.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use sha2::{Digest as _, Sha256};

/// The first sixteen bytes of every Global Object ID.
const GLOBAL_OBJECT: &str = "040000008200E00074C5B7101A82E008";

/// Makes new identifiers, always the same ones for the same seed.
#[derive(Debug)]
pub struct Mint {
    seed: u64,
    made: u64,
}

impl Mint {
    pub fn new(seed: u64) -> Self {
        Self { seed, made: 0 }
    }

    pub fn bytes(&mut self) -> [u8; 32] {
        self.made += 1;
        hash(&[&self.seed.to_le_bytes(), &self.made.to_le_bytes()])
    }

    /// A GUID, lower case.
    pub fn guid(&mut self) -> String {
        let hex = lower_hex(&self.bytes()[..16]);
        format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
    }

    /// Google's user id: 21 digits.
    pub fn google_user(&mut self) -> String {
        let digits: String = self.bytes().iter().take(20).map(|byte| char::from(b'0' + byte % 10)).collect();
        format!("1{digits}")
    }

    /// A Meet code such as `abc-mnop-xyz`.
    pub fn meet_code(&mut self) -> String {
        let letters: Vec<char> =
            self.bytes().iter().take(10).map(|byte| char::from(b'a' + byte % 26)).collect();
        let part = |from: usize, to: usize| letters[from..to].iter().collect::<String>();
        format!("{}-{}-{}", part(0, 3), part(3, 7), part(7, 10))
    }

    /// An opaque word without meaning to anyone but its maker.
    pub fn token(&mut self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes())
    }

    /// The part of a Google event id or UID that stands before the `@`.
    pub fn google_event(&mut self) -> String {
        base32hex(&self.bytes()[..16])
    }

    /// The UID of a meeting that was made in Exchange: a Global Object ID in capital hex.
    pub fn global_object(&mut self, created: DateTime<Utc>) -> String {
        let ticks = (created.timestamp() + 11_644_473_600) * 10_000_000;
        format!(
            "{GLOBAL_OBJECT}00000000{}000000000000000010000000{}",
            upper_hex(&ticks.to_le_bytes()),
            upper_hex(&self.bytes()[..16])
        )
    }

    /// The `19:meeting_…@thread.v2` of a Teams meeting.
    pub fn teams_thread(&mut self) -> String {
        let text = STANDARD.encode(lower_hex(&self.bytes()[..18]));
        format!("19:meeting_{text}@thread.v2")
    }
}

/// One hash over several parts.
pub fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

pub fn lower_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn upper_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Base 32 with the letters that Google's event ids use: `0-9` and `a-v`.
pub fn base32hex(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let mut text = String::new();
    let (mut held, mut bits) = (0u32, 0u32);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(LETTERS[(held >> bits & 31) as usize]));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(LETTERS[(held << (5 - bits) & 31) as usize]));
    }
    text
}

/// What Exchange shows as `iCalUId`: its own UIDs as they are, foreign ones wrapped, and the date of
/// the occurrence written in when there is one.
pub fn exchange_uid(uid: &str, occurrence: Option<NaiveDate>) -> String {
    let plain = if is_global_object(uid) {
        uid.to_uppercase()
    } else {
        let mut data = b"vCal-Uid\x01\x00\x00\x00".to_vec();
        data.extend_from_slice(uid.as_bytes());
        data.push(0);
        let size = u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes();
        format!("{GLOBAL_OBJECT}{}{}{}", "0".repeat(40), upper_hex(&size), upper_hex(&data))
    };
    match occurrence {
        None => plain,
        Some(date) => format!(
            "{}{:04X}{:02X}{:02X}{}",
            &plain[..32],
            date.year().clamp(0, 9999),
            date.month(),
            date.day(),
            &plain[40..]
        ),
    }
}

fn is_global_object(uid: &str) -> bool {
    uid.len() >= 80 && uid.is_ascii() && uid[..32].eq_ignore_ascii_case(GLOBAL_OBJECT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_uid_is_wrapped_with_its_length() {
        let wrapped = exchange_uid("abc@google.com", None);
        assert_eq!(
            wrapped,
            "040000008200E00074C5B7101A82E008\
             00000000000000000000000000000000000000001B0000007643616C2D5569640100000061626340676F6F676C652E636F6D00"
        );
        let day = NaiveDate::from_ymd_opt(2026, 10, 5).expect("a date");
        assert_eq!(&exchange_uid("abc@google.com", Some(day))[32..40], "07EA0A05");
    }

    #[test]
    fn base_32_has_the_letters_of_google() {
        assert_eq!(base32hex(b"foobar"), "cpnmuoj1e8");
    }
}

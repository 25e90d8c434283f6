//! The one identity under which the copies of a meeting meet, whichever vendor keeps them.

use std::borrow::Cow;

use chrono::NaiveDate;

/// What every Exchange global object id begins with (MS-OXCDATA 2.2.1.2, MS-OXOCAL 2.2.1.27).
const GLOBAL_OBJECT_ID: [u8; 16] =
    [0x04, 0x00, 0x00, 0x00, 0x82, 0x00, 0xE0, 0x00, 0x74, 0xC5, 0xB7, 0x10, 0x1A, 0x82, 0xE0, 0x08];
/// Year, month and day of one occurrence; zero in the id of a whole series.
const INSTANCE_DATE: std::ops::Range<usize> = 16..20;
/// How many bytes of data follow, least significant byte first.
const SIZE: std::ops::Range<usize> = 36..40;
const DATA: usize = 40;
/// What stands before a UID that Exchange did not make itself (MS-OXCICAL 2.1.3.1.1.20.26).
const WRAPPED: &[u8] = b"vCal-Uid\x01\x00\x00\x00";
/// Where Google's own UIDs end.
const GOOGLE: &str = "@google.com";

/// Brings a UID as a provider tells it back to the one that all copies of the meeting share.
///
/// Exchange wraps foreign UIDs in a global object id, written in hex: the plain UID comes out of it.
/// Its own ids carry the day of the occurrence: that is zeroed, so that occurrences meet their
/// series. What Google makes of a series from one of its occurrences on ("this and following") names
/// that occurrence behind the UID of the series, and goes on under that. Everything else stays as it is,
/// the letter case too, since UIDs are case-sensitive.
pub fn plain_uid(raw: &str) -> String {
    let raw = raw.trim();
    let Some(mut id) = from_hex(raw).filter(|id| id.starts_with(&GLOBAL_OBJECT_ID)) else {
        return thread(raw).into_owned();
    };
    if let Some(uid) = wrapped(&id) {
        return thread(&uid).into_owned();
    }
    if let Some(date) = id.get_mut(INSTANCE_DATE) {
        date.fill(0);
    }
    to_hex(&id)
}

/// The UID of the series that another one goes on with: `abc_R20260302T090000@google.com` goes on with
/// `abc@google.com`.
fn thread(uid: &str) -> Cow<'_, str> {
    let Some(name) = uid.strip_suffix(GOOGLE) else { return uid.into() };
    let mut stem = name;
    while let Some((before, from)) = stem.rsplit_once("_R")
        && !before.is_empty()
        && is_start(from)
    {
        stem = before;
    }
    if stem == name { uid.into() } else { format!("{stem}{GOOGLE}").into() }
}

/// Whether it is written like the start of an occurrence: `20260302` or `20260302T090000`.
fn is_start(text: &str) -> bool {
    let digits = |text: &str, many| text.len() == many && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('T') {
        Some((day, time)) => digits(day, 8) && digits(time.strip_suffix('Z').unwrap_or(time), 6),
        None => digits(text, 8),
    }
}

/// The day of the occurrence that a global object id names; `None` in the id of a single meeting or of
/// a whole series.
pub fn instance_date(raw: &str) -> Option<NaiveDate> {
    let id = from_hex(raw.trim()).filter(|id| id.starts_with(&GLOBAL_OBJECT_ID))?;
    let [high, low, month, day] = id.get(INSTANCE_DATE)? else { return None };
    NaiveDate::from_ymd_opt(i32::from(u16::from_be_bytes([*high, *low])), u32::from(*month), u32::from(*day))
}

/// The foreign UID inside a global object id, if there is one.
fn wrapped(id: &[u8]) -> Option<String> {
    let size: [u8; 4] = id.get(SIZE)?.try_into().ok()?;
    let data = id.get(DATA..)?;
    let size = usize::try_from(u32::from_le_bytes(size)).ok()?;
    let uid = data.get(..size).unwrap_or(data).strip_prefix(WRAPPED)?;
    let uid = uid.split(|&byte| byte == 0).next()?;
    let uid = std::str::from_utf8(uid).ok()?.trim();
    (!uid.is_empty()).then(|| uid.to_owned())
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    for pair in digits.chunks_exact(2) {
        bytes.push((nibble(pair[0])? << 4) | nibble(pair[1])?);
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0x0F)]]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "040000008200E00074C5B7101A82E008";

    /// A global object id around `data`, for the occurrence on `date` (hex, `00000000` for none).
    fn global_object_id(date: &str, data: &[u8]) -> String {
        let size = u32::try_from(data.len()).expect("short").to_le_bytes();
        let created = "0000000000000000";
        let reserved = "0000000000000000";
        format!("{HEAD}{date}{created}{reserved}{}{}", to_hex(&size), to_hex(data))
    }

    fn wrap(uid: &str) -> Vec<u8> {
        [WRAPPED, uid.as_bytes(), b"\0"].concat()
    }

    #[test]
    fn plain_uids_stay_as_they_are() {
        for uid in [
            "abc123@google.com",
            "  abc123@google.com\r\n",
            "abc123_R20260302T090000@example.com",
            "abc123_R2026@google.com",
            "_R20260302@google.com",
            "63BBAE9906414C1F8C165C66B9FB14E700000000000000000000000000000000",
            "0e1f2a3b-4c5d-6e7f-8091-a2b3c4d5e6f7",
            "é",
            "",
        ] {
            assert_eq!(plain_uid(uid), uid.trim());
        }
    }

    #[test]
    fn a_foreign_uid_comes_out_of_its_wrapping() {
        let uid = "abc123@google.com";
        for date in ["00000000", "07EA0302"] {
            let id = global_object_id(date, &wrap(uid));
            assert_eq!(plain_uid(&id), uid);
            assert_eq!(plain_uid(&id.to_lowercase()), uid);
        }
    }

    #[test]
    fn what_follows_goes_on_under_the_uid_of_the_series() {
        for from in ["20260302T090000", "20260302", "20260302T090000Z", "20260302T090000_R20260406T090000"] {
            let uid = format!("abc123_R{from}@google.com");
            assert_eq!(plain_uid(&uid), "abc123@google.com");
            assert_eq!(plain_uid(&global_object_id("00000000", &wrap(&uid))), "abc123@google.com");
        }
    }

    #[test]
    fn occurrences_meet_their_series() {
        let own = [0xAB; 16];
        let series = global_object_id("00000000", &own);
        assert_eq!(plain_uid(&series), series);
        assert_eq!(plain_uid(&global_object_id("07EA0302", &own)), series);
        assert_eq!(plain_uid(&global_object_id("07ea0309", &own).to_lowercase()), series);
    }

    #[test]
    fn the_day_of_an_occurrence_is_read() {
        let day = |date| instance_date(&global_object_id(date, &wrap("abc123@google.com")));
        assert_eq!(day("07EA0302"), NaiveDate::from_ymd_opt(2026, 3, 2));
        assert_eq!(day("07ea0302"), NaiveDate::from_ymd_opt(2026, 3, 2));
        for none in ["00000000", "07EA0D01"] {
            assert_eq!(day(none), None);
        }
        assert_eq!(instance_date("abc123@google.com"), None);
        assert_eq!(instance_date(HEAD), None);
    }

    #[test]
    fn damaged_ids_are_kept_as_ids() {
        let nothing_inside = global_object_id("00000000", &wrap(""));
        let not_text = global_object_id("00000000", &[WRAPPED, &[0xFF, 0xFE]].concat());
        let cut_off = format!("{HEAD}0000");
        for id in [nothing_inside.as_str(), &not_text, &cut_off, HEAD] {
            assert_eq!(plain_uid(id), id);
        }
        // A size that promises more than there is does not hide what is there.
        let mut too_long = global_object_id("00000000", &wrap("abc@example.com"));
        too_long.replace_range(72..80, "FFFF0000");
        assert_eq!(plain_uid(&too_long), "abc@example.com");
    }

    #[test]
    fn twice_is_as_good_as_once() {
        for uid in [
            "abc@example.com".to_owned(),
            global_object_id("07EA0302", &[1; 16]),
            global_object_id("07EA0302", &wrap("abc@example.com")),
        ] {
            assert_eq!(plain_uid(&plain_uid(&uid)), plain_uid(&uid));
        }
    }
}

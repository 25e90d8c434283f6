//! How long to leave alone what failed: the one place that says so.

use std::fmt::Display;

use chrono::TimeDelta;

/// How long to wait after `failures` failures in a row: twice as long each time, from `first` to
/// `most`.
pub(super) fn doubling(first: TimeDelta, failures: u32, most: TimeDelta) -> TimeDelta {
    let times = 1i32 << failures.min(20);
    first.checked_mul(times).map_or(most, |wait| wait.min(most))
}

/// By how much a wait is made longer at the most.
const LONGEST_SPREAD: TimeDelta = TimeDelta::minutes(30);

/// A wait that is longer by up to half, by another part for each `who` and each time: what failed
/// together does not come back together, not after the second failure, either.
pub(super) fn spread(wait: TimeDelta, who: impl Display, failures: u32) -> TimeDelta {
    let mut hash: u64 = 0xCBF2_9CE4_8422_2325;
    for byte in format!("{who} {failures}").bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    }
    // The last bytes have to reach the first bits.
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    let part = i128::from((hash ^ (hash >> 33)) >> 32);
    let most = (wait / 2).min(LONGEST_SPREAD);
    let more = (i128::from(most.num_milliseconds()) * part) >> 32;
    wait + TimeDelta::milliseconds(i64::try_from(more).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_waits_twice_as_long() {
        let (first, most) = (TimeDelta::seconds(30), TimeDelta::hours(6));
        let minutes: Vec<i64> = (1..13).map(|n| doubling(first, n, most).num_minutes()).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]);
        assert_eq!(doubling(first, u32::MAX, most), most);
    }

    #[test]
    fn what_failed_together_does_not_come_back_together() {
        let wait = TimeDelta::minutes(10);
        for failures in 0..4 {
            // In each tenth of the time about a tenth of them.
            let mut tenths = [0; 10];
            for id in 1..=1000 {
                let extra = spread(wait, format_args!("c{id}"), failures) - wait;
                assert!(extra >= TimeDelta::zero() && extra < wait / 2);
                tenths[usize::try_from(extra.num_milliseconds() / 30_000).unwrap()] += 1;
            }
            assert!(tenths.iter().all(|count| (60..=140).contains(count)), "{tenths:?}");
        }
        // Those who came back together once do not do so again.
        let close = |one: TimeDelta, other: TimeDelta| (one - other).abs() < TimeDelta::seconds(3);
        let at = |id: i32, failures| spread(wait, format_args!("c{id}"), failures);
        let pairs: Vec<(i32, i32)> = (1..200).flat_map(|a| (a + 1..200).map(move |b| (a, b))).collect();
        let together: Vec<_> = pairs.iter().filter(|(a, b)| close(at(*a, 1), at(*b, 1))).collect();
        let again = together.iter().filter(|(a, b)| close(at(*a, 2), at(*b, 2))).count();
        assert!(together.len() > 100 && again * 20 < together.len(), "{again} of {}", together.len());
    }
}

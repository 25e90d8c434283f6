//! What may happen in a walk. A step carries its own dice, so that the others mean the same when it is
//! left out.

use crate::chance::Chance;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    PlanSingle,
    PlanSeries,
    PlanNoise,
    MoveOne,
    MoveAll,
    CancelOne,
    CancelAll,
    TakeOff,
    Restore,
    Answer,
    Resize,
    Retitle,
    Shorten,
    Split,
    Uninvite,
    Invite,
    Hide,
    MoveFar,
    Purpose,
    Become,
    Free,
    AllDay,
    Call,
    Room,
    Refile,
    /// Something is called off while calendars are read.
    Amid,
    Wait,
    Read,
    Crash,
    Fault,
    LoseCursors,
    RevokeTokens,
    Quirks,
    Settle,
}

/// How often each is drawn.
const WEIGHTS: [(Kind, u32); 34] = [
    (Kind::PlanSingle, 7),
    (Kind::PlanSeries, 9),
    (Kind::PlanNoise, 4),
    (Kind::MoveOne, 12),
    (Kind::MoveAll, 4),
    (Kind::CancelOne, 8),
    (Kind::CancelAll, 2),
    (Kind::TakeOff, 4),
    (Kind::Restore, 6),
    (Kind::Answer, 3),
    (Kind::Resize, 4),
    (Kind::Retitle, 3),
    (Kind::Shorten, 4),
    (Kind::Split, 5),
    (Kind::Uninvite, 4),
    (Kind::Invite, 5),
    (Kind::Hide, 4),
    (Kind::MoveFar, 3),
    (Kind::Purpose, 3),
    (Kind::Become, 3),
    (Kind::Free, 2),
    (Kind::AllDay, 2),
    (Kind::Call, 3),
    (Kind::Room, 2),
    (Kind::Refile, 1),
    (Kind::Amid, 5),
    (Kind::Wait, 8),
    (Kind::Read, 16),
    (Kind::Crash, 5),
    (Kind::Fault, 8),
    (Kind::LoseCursors, 2),
    (Kind::RevokeTokens, 1),
    (Kind::Quirks, 4),
    (Kind::Settle, 2),
];

#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub kind: Kind,
    /// Which one it is in its walk. Whatever is planned or moved by it starts at this minute of an
    /// hour, so that no two meetings of a pair ever start at the same time.
    pub number: u32,
    dice: [u32; 8],
}

impl Step {
    /// The steps of a walk: something to read first, in the middle a moment in which all is settled, and
    /// at most as many as an hour has minutes.
    pub fn draw(chance: &mut Chance) -> Vec<Self> {
        let all: u32 = WEIGHTS.iter().map(|(_, weight)| weight).sum();
        let kind = |chance: &mut Chance| {
            let mut drawn = chance.within(0..all);
            let found = WEIGHTS.iter().find(|(_, weight)| match drawn.checked_sub(*weight) {
                Some(less) => {
                    drawn = less;
                    false
                }
                None => true,
            });
            found.map_or(Kind::Read, |(kind, _)| *kind)
        };
        let count = chance.within(8..38);
        (0..count)
            .map(|number| {
                let kind = match number {
                    0 => Kind::PlanSeries,
                    1 if chance.in_hundred(70) => Kind::Read,
                    _ if number == count / 2 => Kind::Settle,
                    _ => kind(chance),
                };
                Self { kind, number, dice: std::array::from_fn(|_| chance.within(0..u32::MAX)) }
            })
            .collect()
    }

    /// The number of one throw, below `sides`.
    pub fn throw(&self, die: usize, sides: usize) -> usize {
        self.dice[die] as usize % sides.max(1)
    }

    pub fn one_of<T: Copy>(&self, die: usize, all: &[T]) -> Option<T> {
        if all.is_empty() { None } else { Some(all[self.throw(die, all.len())]) }
    }

    pub fn in_hundred(&self, die: usize, cases: usize) -> bool {
        self.throw(die, 100) < cases
    }
}

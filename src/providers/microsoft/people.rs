//! Who is on an event, as far as one copy of it knows.

use super::wire::{self, is_any};
use crate::domain::event::{Guest, Response};
use crate::domain::people::Address;

/// The people of one copy.
#[derive(Default)]
pub struct People {
    pub organizer: Option<Address>,
    pub guests: Vec<Guest>,
    pub hidden: bool,
}

impl People {
    /// Who is on the event, as far as the copy of `owner` knows: the organiser's copy has the
    /// answers, a guest's copy usually only their own.
    pub fn of(details: &wire::Event, owner: &Address) -> Self {
        let is_organizer = is_organizer(details);
        let organizer =
            details.organizer.as_ref().and_then(|organizer| address(organizer.email_address.as_ref()));
        let own_answer = details.response_status.as_ref();
        let mut owner_listed = false;
        let mut guests = Vec::new();
        for attendee in details.attendees.iter().flatten() {
            let Some(address) = address(attendee.email_address.as_ref()) else {
                continue;
            };
            let listed = response(attendee.status.as_ref());
            let is_owner = address.is_same_mailbox(owner);
            owner_listed |= is_owner;
            let response = if organizer.as_ref().is_some_and(|one| one.is_same_mailbox(&address)) {
                Response::Organizer
            } else if is_organizer {
                listed.unwrap_or(Response::NeedsAction)
            } else if is_owner {
                response(own_answer).or(listed).unwrap_or(Response::NeedsAction)
            } else {
                listed.unwrap_or(Response::Unknown)
            };
            guests.push(Guest {
                address,
                response,
                resource: is_any(attendee.kind.as_deref(), &["resource"]),
            });
        }
        // Invited through a group or under another address: the answer is still theirs.
        if let Some(response) = response(own_answer)
            && !owner_listed
            && !is_organizer
            && response != Response::Organizer
        {
            guests.push(Guest { address: owner.clone(), response, resource: false });
        }
        Self { organizer, guests, hidden: details.hide_attendees == Some(true) && !is_organizer }
    }
}

/// An answer; `None` where none was reported.
fn response(status: Option<&wire::ResponseStatus>) -> Option<Response> {
    let text = status?.response.as_deref()?.to_ascii_lowercase();
    match text.as_str() {
        "organizer" => Some(Response::Organizer),
        "accepted" => Some(Response::Accepted),
        "tentativelyaccepted" => Some(Response::Tentative),
        "declined" => Some(Response::Declined),
        "notresponded" => Some(Response::NeedsAction),
        _ => None,
    }
}

/// Whether the copy is its organiser's.
pub fn is_organizer(details: &wire::Event) -> bool {
    details
        .is_organizer
        .unwrap_or_else(|| response(details.response_status.as_ref()) == Some(Response::Organizer))
}

fn address(address: Option<&wire::EmailAddress>) -> Option<Address> {
    Address::parse(address?.address.as_deref()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn attendee(name: &str, response: &str) -> Value {
        json!({
            "type": if name == "room" { "Resource" } else { "required" },
            "status": {"response": response, "time": "0001-01-01T00:00:00Z"},
            "emailAddress": {"name": name, "address": format!("{name}@Example.com")},
        })
    }

    fn people(value: Value) -> People {
        let event = serde_json::from_value(value).expect("event");
        People::of(&event, &Address::parse("mia@example.com").expect("address"))
    }

    fn answers(people: &People) -> Vec<(&str, Response)> {
        let guests = people.guests.iter();
        guests.map(|guest| (guest.address.as_str(), guest.response)).collect()
    }

    #[test]
    fn the_organisers_copy_has_the_answers() {
        let people = people(json!({
            "isOrganizer": true, "hideAttendees": true,
            "responseStatus": {"response": "organizer"},
            "organizer": {"emailAddress": {"address": "Mia@example.com"}},
            "attendees": [
                attendee("ann", "Accepted"), attendee("bob", "none"), attendee("cid", "declined"),
                attendee("dee", "tentativelyAccepted"), attendee("eve", "notResponded"),
                attendee("mia", "none"), attendee("room", "accepted"),
                {"emailAddress": {"address": "/o=ExchangeLabs/cn=Recipients/cn=x"}}, {},
            ],
        }));
        assert_eq!(
            answers(&people),
            [
                ("ann@example.com", Response::Accepted),
                ("bob@example.com", Response::NeedsAction),
                ("cid@example.com", Response::Declined),
                ("dee@example.com", Response::Tentative),
                ("eve@example.com", Response::NeedsAction),
                ("mia@example.com", Response::Organizer),
                ("room@example.com", Response::Accepted),
            ]
        );
        assert_eq!(people.organizer.as_ref().map(Address::as_str), Some("mia@example.com"));
        let rooms = people.guests.iter().filter(|guest| guest.resource);
        assert_eq!(rooms.count(), 1);
        assert!(!people.hidden);
    }

    #[test]
    fn a_guests_copy_knows_its_own_answer() {
        let copy = |own: &str, attendees: Vec<Value>| {
            people(json!({
                "isOrganizer": false, "hideAttendees": true,
                "responseStatus": {"response": own},
                "organizer": {"emailAddress": {"address": "ann@example.com"}},
                "attendees": attendees,
            }))
        };
        let both = || vec![attendee("mia", "none"), attendee("bob", "none")];
        for (own, response) in [
            ("accepted", Response::Accepted),
            ("Declined", Response::Declined),
            ("notResponded", Response::NeedsAction),
            ("none", Response::NeedsAction),
        ] {
            let people = copy(own, both());
            let expected = [("mia@example.com", response), ("bob@example.com", Response::Unknown)];
            assert_eq!(answers(&people), expected);
            assert!(people.hidden);
        }
        // Through a group: the owner is not on the list.
        let group = || vec![attendee("mentees", "none")];
        assert_eq!(
            answers(&copy("accepted", group())),
            [("mentees@example.com", Response::Unknown), ("mia@example.com", Response::Accepted),]
        );
        assert_eq!(answers(&copy("none", group())), [("mentees@example.com", Response::Unknown)]);
    }
}

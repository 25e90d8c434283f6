//! Who is who in a roster: one person wherever an address is the same.

use std::collections::HashMap;

use super::Person;
use crate::domain::people::Address;

#[derive(Default)]
pub struct People {
    /// With the line that told of each first.
    people: Vec<(Person, u64)>,
    /// Mailbox to person.
    owners: HashMap<String, usize>,
    /// Who turned out to be whom: two who were thought to be different, until a row had addresses
    /// of both.
    same: HashMap<usize, usize>,
}

impl People {
    /// The number of the person with these addresses; an error is what was found and what to do.
    pub fn add(&mut self, name: &str, addresses: Vec<Address>, line: u64) -> Result<usize, (String, String)> {
        let mut known: Vec<usize> = Vec::new();
        for address in &addresses {
            let Some(&other) = self.owners.get(&address.mailbox()) else {
                continue;
            };
            let (person, first) = &self.people[other];
            if person.name.to_lowercase() != name.to_lowercase() {
                let remedy = format!(
                    "write one name for one person: line {first} has this address for {}",
                    person.name
                );
                return Err((format!("{address} for {name}"), remedy));
            }
            known.push(other);
        }
        known.sort_unstable();
        known.dedup();
        let id = known.first().copied().unwrap_or(self.people.len());
        if known.is_empty() {
            let person = Person { name: name.to_owned(), addresses: Vec::new() };
            self.people.push((person, line));
        }
        for &other in known.iter().skip(1) {
            self.same.insert(other, id);
            let theirs = std::mem::take(&mut self.people[other].0.addresses);
            self.own(id, theirs);
        }
        self.own(id, addresses);
        Ok(id)
    }

    fn own(&mut self, id: usize, addresses: Vec<Address>) {
        for address in addresses {
            self.owners.insert(address.mailbox(), id);
            let own = &mut self.people[id].0.addresses;
            if !own.contains(&address) {
                own.push(address);
            }
        }
    }

    /// Who a person turned out to be once all rows were read.
    pub fn resolve(&self, mut id: usize) -> usize {
        while let Some(&other) = self.same.get(&id) {
            id = other;
        }
        id
    }

    pub fn get(&self, id: usize) -> &Person {
        &self.people[id].0
    }
}

//! The people of a roster, found by any of their addresses.

use std::collections::BTreeMap;

use crate::domain::people::Address;
use crate::domain::roster::Person;

use super::super::db::values;
use super::super::error::{Result, StoreError};
use super::super::roster::address;
use super::Import;

impl Import {
    /// The participant with any of the person's addresses, brought up to date, or a new one.
    pub(super) async fn person(&mut self, person: &Person) -> Result<i64> {
        let mut found: BTreeMap<i64, (String, &Address)> = BTreeMap::new();
        for address in &person.addresses {
            let rows = self
                .tx
                .all(
                    "SELECT DISTINCT n.id, n.name FROM address a
                     JOIN participant n ON n.id = a.participant
                     WHERE a.mailbox = $1 ORDER BY n.id",
                    values![address.mailbox()],
                )
                .await?;
            for row in &rows {
                let row = row.of("participant", "");
                found.entry(row.get("id")?).or_insert((row.get("name")?, address));
            }
        }
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (None, _) => self.add_person(person).await,
            (Some((id, (name, _))), None) => {
                self.update_person(id, &name, person).await?;
                Ok(id)
            }
            (Some((_, (first, by_first))), Some((_, (second, by_second)))) => {
                Err(StoreError::Conflict(format!(
                    "the roster gives {} the addresses of two people who are known apart: \
                     {by_first} is {first}'s and {by_second} is {second}'s",
                    person.name
                )))
            }
        }
    }

    async fn add_person(&mut self, person: &Person) -> Result<i64> {
        let row = self
            .tx
            .one("INSERT INTO participant (name) VALUES ($1) RETURNING id", values![&*person.name])
            .await?
            .ok_or(sqlx::Error::RowNotFound)?;
        let id = row.of("participant", "new").get("id")?;
        let mut addresses = Vec::new();
        add_missing(&mut addresses, &person.addresses);
        self.write_addresses(id, &addresses).await?;
        self.people.insert(id);
        Ok(id)
    }

    async fn update_person(&mut self, id: i64, name: &str, person: &Person) -> Result<()> {
        let first_mention = self.people.insert(id);
        if first_mention && name != person.name {
            self.tx
                .execute("UPDATE participant SET name = $2 WHERE id = $1", values![id, &*person.name])
                .await?;
            let what = format!("name of {}: {name} → {}", list(&person.addresses), person.name);
            self.change.changed.push(what);
        }
        let rows = self
            .tx
            .all("SELECT address FROM address WHERE participant = $1 ORDER BY position, address", values![id])
            .await?;
        let known = rows.iter().map(|row| address(&row.of("address", id))).collect::<Result<Vec<_>>>()?;
        let mut wanted = Vec::new();
        if first_mention {
            add_missing(&mut wanted, &person.addresses);
            add_missing(&mut wanted, &known);
        } else {
            add_missing(&mut wanted, &known);
            add_missing(&mut wanted, &person.addresses);
        }
        if wanted == known {
            return Ok(());
        }
        self.write_addresses(id, &wanted).await?;
        let rows =
            self.tx.all("SELECT pairing FROM pairing_member WHERE participant = $1", values![id]).await?;
        for row in &rows {
            self.affected.insert(row.of("pairing_member", id).get("pairing")?);
        }
        self.change.changed.push(format!(
            "addresses of {}: {} → {}",
            person.name,
            list(&known),
            list(&wanted)
        ));
        Ok(())
    }

    async fn write_addresses(&mut self, id: i64, addresses: &[Address]) -> Result<()> {
        for (address, position) in addresses.iter().zip(0_i64..) {
            self.tx
                .execute(
                    "INSERT INTO address (address, mailbox, participant, position)
                     VALUES ($1, $2, $3, $4)
                     ON CONFLICT (address) DO UPDATE SET position = excluded.position",
                    values![address.as_str(), address.mailbox(), id, position],
                )
                .await?;
        }
        Ok(())
    }
}

fn add_missing(all: &mut Vec<Address>, more: &[Address]) {
    for address in more {
        if !all.contains(address) {
            all.push(address.clone());
        }
    }
}

fn list(addresses: &[Address]) -> String {
    let all: Vec<&str> = addresses.iter().map(Address::as_str).collect();
    all.join(", ")
}

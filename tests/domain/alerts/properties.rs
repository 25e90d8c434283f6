//! What holds for any sessions.

use std::collections::BTreeMap;

use mentord::domain::alert::{AlertKey, Plan, reconcile};
use mentord::domain::event::Response;

use super::*;

fn any_sessions() -> impl Strategy<Value = Vec<Session>> {
    let statuses = prop::sample::select(vec![
        Status::Scheduled,
        Status::Scheduled,
        Status::Held,
        Status::Missed,
        Status::Unknown,
        Status::Cancelled,
    ]);
    let one = (0..900i64, statuses, any::<bool>());
    prop::collection::vec(one, 0..5).prop_map(|sessions| {
        let make = |(n, (offset, status, declined)): (usize, (i64, Status, bool))| {
            let mut made = session(&format!("s{n}"), "2026-09-10 09:00", status, Grade::None);
            made.start += hours(offset);
            made.end += hours(offset);
            made.verdict.at += hours(offset);
            if declined {
                made.responses.insert(GRACE, Response::Declined);
            }
            made
        };
        sessions.into_iter().enumerate().map(make).collect()
    })
}

fn save(stored: &mut BTreeMap<AlertKey, Planned>, plan: &Plan) {
    for alert in &plan.add {
        let planned = Planned { alert: alert.clone(), state: AlertState::Planned };
        stored.insert(alert.key.clone(), planned);
    }
    for (key, _) in &plan.withdraw {
        stored.get_mut(key).expect("stored").state = AlertState::Withdrawn;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn planning_twice_changes_nothing_and_time_never_unsends(
        sessions in any_sessions(),
        steps in prop::collection::vec(1..100i64, 1..12),
        night in any::<bool>(),
    ) {
        let mut program = program();
        program.alerts.quiet_hours = night.then(|| quiet("20:00", "08:00"));
        let mut stored: BTreeMap<AlertKey, Planned> = BTreeMap::new();
        let mut sent: Vec<AlertKey> = Vec::new();
        let mut now = at("2026-09-01 00:00");
        for step in steps {
            now += hours(step);
            let wanted = planned_for(&program, &begun(), &sessions, now);
            let list = |stored: &BTreeMap<AlertKey, Planned>| stored.values().cloned().collect::<Vec<_>>();
            let plan = reconcile(&list(&stored), &wanted, now);
            prop_assert!(plan.add.iter().all(|alert| !sent.contains(&alert.key)));
            prop_assert!(plan.withdraw.iter().all(|(key, _)| !sent.contains(key)));
            save(&mut stored, &plan);
            prop_assert_eq!(reconcile(&list(&stored), &wanted, now), Plan::default());
            for alert in &wanted {
                prop_assert!(alert.expires_at > now && alert.due_at <= alert.expires_at);
            }
            let due = stored.values_mut().filter(|p| p.state == AlertState::Planned && p.alert.due_at <= now);
            for planned in due {
                let look = Look {
                    program: Some(program.clone()),
                    pairing: Some(begun()),
                    sessions: sessions.clone(),
                    now,
                };
                // What was planned this moment is called for this moment.
                prop_assert_eq!(look.check(&planned.alert), Check::Send);
                planned.state = AlertState::Sent;
                sent.push(planned.alert.key.clone());
            }
        }
    }
}

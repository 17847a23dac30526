//! What a world is made of: lanes with their rules, clients with what they want to hear.

use crate::client::Client;
use crate::copy::FeedCopy;
use crate::faults::Fault;
use crate::plan::Plan;
use fastrand::Rng;
use lane::{Lane, Setup};
use model::command::CommandTable;
use model::{Format, LaneId, Limits};
use wire::ws::Deflate;

/// A lane of this plan.
pub(super) fn new_lane(id: LaneId, plan: &Plan, fault: Option<Fault>) -> Lane {
    let is_restricted = plan.restricted_lane == Some(id) && fault != Some(Fault::RulesIgnored);
    let rules = if is_restricted { "~pub:* &pub:* +@all" } else { "~* &* +@all" };
    let outbox_bytes_max = match fault {
        Some(Fault::OutboxIgnored) => plan.limits.outbox_bytes_max * 4,
        _ => plan.limits.outbox_bytes_max,
    };
    let limits = Limits { outbox_bytes_max, ..plan.limits.clone() };
    let deny = ["@admin", "@dangerous", "+info"].map(String::from);
    let setup = Setup::new(plan.lanes, "sim", limits, CommandTable::redis(), &[rules.to_owned()], &deny);
    let setup = setup.expect("the rules are well formed").with_deflate(Deflate { min_bytes: 64, level: 1 });
    Lane::new(setup.lane(id))
}

/// All clients of this plan, none of them connected.
pub(super) fn new_clients(plan: &Plan, rng: &mut Rng) -> Vec<Client> {
    let mut clients = Vec::new();
    for number in 0..plan.natives {
        let lane = plan.restricted_lane.filter(|_| number % 3 == 1);
        let mut client = Client::new(number, Format::Native, lane, plan);
        for _ in 0..rng.u8(1..4) {
            let source = client.choose(rng);
            if client.copies.iter().all(|copy| copy.source != source) {
                client.copies.push(FeedCopy::new(source));
            }
        }
        clients.push(client);
    }
    for format in [Format::Raw, Format::Sse] {
        for _ in 0..plan.plains {
            let mut client = Client::new(clients.len(), format, None, plan);
            let source = client.choose(rng);
            client.copies.push(FeedCopy::new(source));
            clients.push(client);
        }
    }
    clients
}

//! What a world is made of: lanes with their rules, clients with what they want to hear.

use crate::client::Client;
use crate::copy::FeedCopy;
use crate::faults::Fault;
use crate::plan::Plan;
use fastrand::Rng;
use lane::{Config, Lane};
use model::command::CommandTable;
use model::{Format, LaneId, Limits};
use session::acl::{DenyCommands, Rules};
use std::rc::Rc;

/// A lane of this plan.
pub(super) fn new_lane(id: LaneId, plan: &Plan, fault: Option<Fault>) -> Lane {
    let table = CommandTable::redis();
    let is_restricted = plan.restricted_lane == Some(id) && fault != Some(Fault::RulesIgnored);
    let rules = if is_restricted { "~pub:* &pub:* +@all" } else { "~* &* +@all" };
    let outbox_bytes_max = match fault {
        Some(Fault::OutboxIgnored) => plan.limits.outbox_bytes_max * 4,
        _ => plan.limits.outbox_bytes_max,
    };
    let limits = Limits { outbox_bytes_max, ..plan.limits.clone() };
    let session = session::Config {
        limits: limits.clone(),
        anonymous: Rc::new(Rules::parse_line(rules, &table).expect("the rules are well formed")),
        anonymous_user: "anonymous".into(),
        deny: DenyCommands::parse(DenyCommands::DEFAULT, &table).expect("the default is well formed"),
        table,
    };
    Lane::new(Config { id, lanes: plan.lanes, node: "sim".into(), limits, session: Rc::new(session) })
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

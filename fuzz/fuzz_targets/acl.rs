//! Rules and a claim, as a token may bring them: parsed or refused, never a panic; and a claim alone gives no other's key.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use model::command::CommandTable;
use session::acl::{Access, Rules};
use session::Claims;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (rules, claim) = text.split_once('\n').unwrap_or((text, ""));
    let table = CommandTable::redis();
    let claims = Claims::new([("sub", claim)]);
    let _ = Rules::parse_line(rules, &table);
    let _ = Rules::parse_for(rules.split(' '), &claims, &table);
    let Ok(mine) = Rules::parse_for(["~user:{sub}:*", "+get"], &claims, &table) else { return };
    let get = [Bytes::from_static(b"GET"), Bytes::from_static(b"user:somebody else:x")];
    let access = Access::of(table.resolve(&get).expect("a command"), &get);
    assert!(claim == "somebody else" || mine.check(&access).is_err());
});

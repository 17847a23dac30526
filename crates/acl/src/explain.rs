//! Which rules of a list decide about a command: those without which the decision would be the other one.

use crate::claims::Claims;
use crate::rules::Rules;
use model::Error;
use model::command::CommandTable;

/// What a list of rules says of a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExplainedRules {
    /// Allowed, or why not.
    pub verdict: Result<(), String>,
    /// The places of the rules that decide. Where it is allowed, none of them can go; where it is not, without one of them
    /// it would be. None, if no single rule decides.
    pub by: Vec<usize>,
}

/// Asks a list of rules about something: `ask` answers for the list, and for what is left of it without one rule.
pub fn explain_rules(
    rules: &[String],
    claims: &Claims,
    table: &CommandTable,
    ask: impl Fn(&Rules) -> Result<(), Error>,
) -> ExplainedRules {
    let ask = |left_out: Option<usize>| {
        let kept = rules.iter().enumerate().filter(|(at, _)| Some(*at) != left_out).map(|(_, rule)| rule.as_str());
        let rules = Rules::parse_for(kept, claims, table).map_err(|error| error.to_string())?;
        ask(&rules).map_err(|error| error.message.into_owned())
    };
    let verdict = ask(None);
    let by = (0..rules.len()).filter(|&at| ask(Some(at)).is_ok() != verdict.is_ok()).collect();
    ExplainedRules { verdict, by }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorise::authorise;
    use crate::deny::DenyCommands;
    use bytes::Bytes;

    fn explained(rules: &str, command: &str) -> (bool, String) {
        let table = CommandTable::redis();
        let deny = DenyCommands::parse(DenyCommands::DEFAULT, &table).unwrap();
        let rules: Vec<String> = rules.split(' ').map(str::to_owned).collect();
        let command: Vec<Bytes> = command.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
        let explained = explain_rules(&rules, &Claims::new([("sub", "ann")]), &table, |rules| {
            authorise(&table, rules, &deny, &command).map(drop)
        });
        let by: Vec<&str> = explained.by.iter().map(|&at| rules[at].as_str()).collect();
        (explained.verdict.is_ok(), by.join(" "))
    }

    #[test]
    fn the_rules_that_decide_are_named() {
        for (rules, command, expected) in [
            ("~u:{sub}:* ~x +@read +set", "GET u:ann:1", (true, "~u:{sub}:* +@read")),
            ("~* +@all -@write", "SET a 1", (false, "-@write")),
            ("~* +@all -set +@read", "SET a 1", (false, "-set")),
            ("~a +get", "GET b", (false, "")),
            ("~a* ~ab +get", "GET ab", (true, "+get")),
            ("~* +@all", "FLUSHALL", (false, "")),
            ("~u:{nosuch} +get", "GET a", (false, "")),
        ] {
            let (allowed, by) = explained(rules, command);
            assert_eq!((allowed, by.as_str()), expected, "{rules}: {command}");
        }
    }
}

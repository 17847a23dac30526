use super::*;

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect()
}

fn flag(name: &str, text: &str) -> Flag {
    Flag { shown: format!("--set {name}={text}"), name: name.into(), given: Given::Text(text.into()) }
}

fn with_file(text: &str, mut sources: Sources) -> Result<Settings, Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("k.toml");
    std::fs::write(&path, text).unwrap();
    sources.file = Some(path);
    let shorten = |m: &Mistake| m.to_string().replace(&format!("{}/", dir.path().display()), "");
    load(&sources, &[]).map(|e| e.settings).map_err(|m| m.0.iter().map(shorten).collect())
}

fn mistakes(sources: Sources) -> Vec<String> {
    load(&sources, &[]).unwrap_err().0.iter().map(Mistake::to_string).collect()
}

#[test]
fn every_limit_is_a_setting() {
    let shown = format!("{:#?}", Limits::default());
    let fields =
        shown.lines().filter_map(|line| line.trim().split_once(": ").map(|(name, _)| format!("limits.{name}")));
    let fields: Vec<String> = fields.collect();
    assert_eq!(fields.len(), SETTINGS.iter().filter(|s| s.name.starts_with("limits.")).count());
    assert!(fields.iter().all(|name| SETTINGS.iter().any(|s| s.name == *name)), "{fields:?}");
}

#[test]
fn defaults_hold() {
    let settings = load(&Sources::default(), &[]).unwrap().settings;
    assert_eq!(settings.node.len(), 6);
    assert_eq!(Settings { node: String::new(), ..settings }, Settings::default());
}

#[test]
fn each_default_is_within_its_own_bounds() {
    let effective = load(&Sources::default(), &[]).unwrap();
    for setting in SETTINGS {
        let Some(shown) = setting.field.shown(&effective.settings) else { continue };
        let (key, table) = (setting.name.rsplit('.').next().unwrap(), setting.name.split_once('.').map(|(t, _)| t));
        let text = table.map_or(String::new(), |t| format!("[{t}]\n")) + &format!("{key} = {shown}\n");
        assert_eq!(with_file(&text, Sources::default()).err(), None, "{text}");
    }
}

#[test]
fn a_flag_outranks_a_variable_a_variable_the_file_the_file_the_default() {
    let sources = Sources {
        env: env(&[("KEYWIRE_LIMITS_BATCH_MAX", "3"), ("KEYWIRE_LIMITS_TOPICS_MAX", "3")]),
        flags: vec![flag("limits.topics_max", "4")],
        file: None,
    };
    let text = "[limits]\nfeeds_max = 2\nbatch_max = 2\ntopics_max = 2\n";
    let limits = with_file(text, sources).unwrap().limits;
    assert_eq!((limits.feeds_max, limits.batch_max, limits.topics_max), (2, 3, 4));
    assert_eq!(limits.connections_max, Limits::default().connections_max);
}

#[test]
fn every_setting_has_a_working_variable_and_flag() {
    for setting in SETTINGS {
        let text = match setting.field {
            table::Field::Size(..) => "300KiB",
            table::Field::Count(..) | table::Field::Count32(..) => "7",
            table::Field::Boolean(_) => "true",
            table::Field::Millis(..) => "7s",
            table::Field::OneOf(_, words) => words[words.len() - 1],
            table::Field::Url(..) if setting.name.ends_with("_url") => "https://a.example/x",
            table::Field::Url(..) => "redis://u:hunter2@h/1",
            table::Field::File(_) => "/run/secrets/x",
            table::Field::OptionalAddresses(_) => "127.0.0.1:7",
            table::Field::Secret(_) => "hunter2",
            table::Field::Window(..) => "50ms,1s",
            table::Field::Text(..) if setting.name == "prefix" => "/p",
            table::Field::Text(..) if setting.name == "log.level" => "debug",
            table::Field::List(..) if setting.name.ends_with("headers") => "x-a,x-b",
            table::Field::Texts(..) | table::Field::Keys(..) | table::Field::RulesByName(_) => continue,
            table::Field::Text(..) if setting.name == "listen_unix_mode" => "600",
            table::Field::Text(..) => "n1",
            table::Field::List(..) if setting.name == "hosts" => "a.example,*.b.example",
            table::Field::List(..) if setting.name == "trusted_proxies" => "10.0.0.0/8 unix",
            table::Field::List(..) => "http://a,http://b",
            table::Field::Rules(..) => "-@all +get",
            table::Field::OptionalRules(_) => "~a +get",
            table::Field::Addresses(_) => "127.0.0.1:1,[::1]:2",
            table::Field::LogFormat(_) => "json",
        };
        // Sizes hang together; the others would be too large beside one small one.
        let mut sources = Sources { env: env(&[(&setting.variable(), text)]), ..Sources::default() };
        if setting.name.starts_with("limits.outbox") || setting.name.starts_with("limits.link") {
            let small = ["limits.value_bytes_max", "limits.message_bytes_max", "limits.outbox_bytes_max"];
            sources.flags = small
                .iter()
                .filter(|name| **name != setting.name)
                .map(|name| flag(name, if name.contains("outbox") { "256KiB" } else { "64KiB" }))
                .collect();
        }
        let of_tls = [("listen_tls", "127.0.0.1:0"), ("tls.certificate", "/c"), ("tls.key", "/k")];
        if setting.name == "listen_tls" || setting.name.starts_with("tls.") {
            let others = of_tls.iter().filter(|(name, _)| *name != setting.name);
            sources.flags.extend(others.map(|(name, text)| flag(name, text)));
        }
        let by_variable = load(&sources, &[]).unwrap().settings;
        sources.flags.push(flag(setting.name, text));
        sources.env.clear();
        let by_flag = load(&sources, &[]).unwrap().settings;
        assert_eq!(setting.field.shown(&by_variable), setting.field.shown(&by_flag), "{}", setting.name);
        assert_ne!(setting.field.shown(&by_flag), setting.field.shown(&Settings::default()), "{}", setting.name);
    }
}

#[test]
fn tables_are_of_names_that_the_user_chooses() {
    let secret = format!("HS256 text:{}", "s".repeat(32));
    let text = format!(
        "[queries]\ntop = \"ZRANGE board 0 9\"\n[auth]\naudience = \"live\"\n[auth.keys]\nmain = \"{secret}\"\n[auth.roles]\nplayer = \"~g:{{sub}}:* +@read\"\n"
    );
    let flags = vec![flag("queries.mine", "GET {@sub}"), flag("auth.roles.guest", "~news +get")];
    let settings = with_file(&text, Sources { flags: flags.clone(), ..Sources::default() }).unwrap();
    assert_eq!(settings.queries["top"], "ZRANGE board 0 9");
    assert_eq!(settings.queries["mine"], "GET {@sub}");
    assert_eq!((settings.auth.keys["main"].as_str(), settings.auth.audience[0].as_str()), (secret.as_str(), "live"));
    assert_eq!(settings.auth.roles["player"], ["~g:{sub}:*", "+@read"]);
    assert_eq!(settings.auth.roles["guest"], ["~news", "+get"]);
    assert_eq!(settings.anonymous_rules(), [""; 0], "where one could have a token, without one there is nothing");

    // What is shown gives the same again, but for what is secret.
    let effective = load(&Sources { flags, ..Sources::default() }, &[]).unwrap();
    assert_eq!(with_file(&effective.to_toml(), Sources::default()).unwrap().auth.roles, effective.settings.auth.roles);
    let secret_flag = Flag { shown: "--set auth.keys.main=…".into(), ..flag("auth.keys.main", &secret) };
    let shown = load(&Sources { flags: vec![secret_flag], ..Sources::default() }, &[]).unwrap().to_toml();
    assert!(shown.contains("\"main\" = \"HS256 (hidden)\"") && !shown.contains("sss"), "{shown}");

    let flags = vec![
        flag("auth.keys", "x"),
        flag("auth.keys.a b", "x"),
        flag("auth.keys.k", "HS1 text:x"),
        flag("auth.key.k", "x"),
    ];
    let all = mistakes(Sources { flags, ..Sources::default() });
    for (mistake, with) in all.iter().zip(["a table of names", "is not a name", "no algorithm", "no such setting"]) {
        assert!(mistake.contains(with), "{mistake}");
    }
}

#[test]
fn beyond_loopback_somebody_must_be_told_from_everybody() {
    let open = |set: &[(&str, &str)]| {
        let flags = [("listen", "0.0.0.0:1")].iter().chain(set).map(|(name, text)| flag(name, text)).collect();
        load(&Sources { flags, ..Sources::default() }, &[]).is_ok()
    };
    assert!(!open(&[]) && !open(&[("auth.cookie", "kw")]));
    assert!(open(&[("anonymous", "")]) && open(&[("auth.jwks_url", "https://a.example/keys")]));
    assert!(open(&[("auth.keys.k", "ES256 file:/x")]) && open(&[("auth.forward_url", "http://app/who")]));
}

#[test]
fn all_mistakes_come_at_once_each_with_its_place() {
    let text = "lanes = 0\nlistn = \"127.0.0.1:1\"\nprefix = 3\n\n[limits]\nfeeds_max = \"many\"\noutbox_bytes_maxx = 1\n[logs]\nformat = 1\n";
    let sources = Sources {
        env: env(&[("KEYWIRE_LIMIT_FEEDS_MAX", "1"), ("KEYWIRE_STALE_AFTER_MS", "soon"), ("OTHER", "x")]),
        flags: vec![flag("limits.batch_max", "-1"), flag("nonsense", "1")],
        file: None,
    };
    let all = with_file(text, sources).unwrap_err();
    let expected = [
        "k.toml:1: lanes: 0 is not within 1 and 256",
        "k.toml:2: listn: no such setting; did you mean listen?",
        "k.toml:3: prefix: a string is wanted, not a number",
        "k.toml:6: limits.feeds_max: \"many\" is not a whole number",
        "k.toml:7: limits.outbox_bytes_maxx: no such setting; did you mean limits.outbox_bytes_max?",
        "k.toml:8: logs: no such setting; did you mean log?",
        "KEYWIRE_LIMIT_FEEDS_MAX: no such variable; did you mean KEYWIRE_LIMITS_FEEDS_MAX?",
        "KEYWIRE_STALE_AFTER_MS: stale_after_ms: \"soon\" is not a time such as 500ms, 10s or 250 (milliseconds)",
        "--set limits.batch_max=-1: limits.batch_max: \"-1\" is not a whole number",
        "--set nonsense=1: nonsense: no such setting; docs/settings.md lists them all",
    ];
    assert_eq!(all, expected);
}

#[test]
fn a_line_that_is_no_toml_does_not_hide_the_others() {
    let all = with_file("lanes = \nlanez = 1\nprefix = \"/ok\"\n", Sources::default()).unwrap_err();
    assert!(all.iter().any(|m| m.starts_with("k.toml:1: ")), "{all:?}");
    assert!(all.contains(&"k.toml:2: lanez: no such setting; did you mean lanes?".to_owned()), "{all:?}");
    assert_eq!(all.len(), 2, "{all:?}");
}

#[test]
fn a_file_that_is_not_there_is_a_mistake() {
    let all = mistakes(Sources { file: Some("/nowhere/k.toml".into()), ..Sources::default() });
    assert!(all[0].starts_with("/nowhere/k.toml: the settings file cannot be read"), "{all:?}");
    let all = mistakes(Sources { env: env(&[("KEYWIRE_CONFIG", "/nowhere/e.toml")]), ..Sources::default() });
    assert!(all[0].starts_with("/nowhere/e.toml"), "{all:?}");
}

#[test]
fn nothing_opens_to_the_world_by_accident() {
    let open = |more: Vec<Flag>| Sources {
        flags: [vec![flag("listen", "127.0.0.1:1,0.0.0.0:7700")], more].concat(),
        ..Sources::default()
    };
    let all = mistakes(open(vec![]));
    assert_eq!(all.len(), 1);
    assert!(
        all[0].contains("0.0.0.0:7700 can be reached from beyond this machine") && all[0].contains("set anonymous"),
        "{all:?}"
    );
    let closed = load(&open(vec![flag("anonymous", "")]), &[]).unwrap().settings;
    assert_eq!(closed.anonymous_rules(), [""; 0]);
    let some = load(&open(vec![flag("anonymous", "~a +get")]), &[]).unwrap().settings;
    assert_eq!(some.anonymous_rules(), ["~a", "+get"]);
}

#[test]
fn the_resp_port_wants_a_password_beyond_loopback_and_the_embedded_store() {
    let with = |more: &[(&str, &str)]| {
        let flags = more.iter().map(|(name, text)| flag(name, text)).collect();
        load(&Sources { flags, ..Sources::default() }, &[]).map_err(|mistakes| mistakes.0[0].to_string())
    };
    let open = ("resp_listen", "127.0.0.1:6380,0.0.0.0:6380");
    let refused = with(&[open]).unwrap_err();
    assert!(refused.contains("0.0.0.0:6380 can be reached") && refused.contains("resp_password_file"), "{refused}");
    let effective = with(&[open, ("resp_password", "hunter2")]).unwrap();
    assert!(!effective.to_toml().contains("hunter2"), "{}", effective.to_toml());
    assert!(with(&[open, ("resp_password_file", "/run/secrets/x")]).is_ok());
    assert!(with(&[("resp_listen", "[::1]:6380")]).is_ok());
    assert!(with(&[("resp_password", "a"), ("resp_password_file", "/b")]).is_err());
    let both = with(&[("resp_listen", "127.0.0.1:6380"), ("redis", "redis://h")]).unwrap_err();
    assert!(both.contains("is the embedded store's"), "{both}");
}

#[test]
fn limits_that_cannot_be_together() {
    let edge = |name: &str, text: &str| load(&Sources { flags: vec![flag(name, text)], ..Sources::default() }, &[]);
    assert!(edge("limits.value_bytes_max", "512KiB").is_ok());
    let over = edge("limits.value_bytes_max", "524289").unwrap_err();
    assert_eq!(
        over.0[0].to_string(),
        "--set limits.value_bytes_max=524289: twice limits.value_bytes_max (524289) is over limits.outbox_bytes_max (1MiB): \
         a client's outbox could not hold a value and its successor"
    );
    assert!(edge("limits.message_bytes_max", "1MiB").is_ok());
    assert!(edge("limits.message_bytes_max", "1048577").is_err());
    assert!(edge("limits.outbox_bytes_max", "2GiB").is_err(), "over the total");
    assert!(edge("limits.link_bytes_max", "960KiB").is_ok());
    assert!(edge("limits.link_bytes_max", "959KiB").is_err());
}

#[test]
fn a_window_has_a_least_and_a_most() {
    let given = |text: &str| with_file(&format!("limits.reconnect_ms = {text}\n"), Sources::default());
    assert_eq!(given("[5, \"1s\"]").unwrap().limits.reconnect_ms, [5, 1000]);
    assert_eq!(given("\"7,7\"").unwrap().limits.reconnect_ms, [7, 7]);
    for bad in ["[2, 1]", "[1]", "1", "[1, 2, 3]", "[\"a\", 1]", "[[1], 2]", "true"] {
        assert_eq!(given(bad).unwrap_err().len(), 1, "{bad}");
    }
}

#[test]
fn a_value_that_is_wrong_is_reported_once() {
    let flags = vec![flag("limits.outbox_bytes_max", "lots"), flag("limits.value_bytes_max", "1MiB")];
    assert_eq!(mistakes(Sources { flags, ..Sources::default() }).len(), 1);
}

#[test]
fn a_further_check_is_told_with_the_place_of_the_setting() {
    let sources = Sources { env: env(&[("KEYWIRE_ANONYMOUS", "~a &&b")]), ..Sources::default() };
    let bad = |settings: &Settings| vec![("anonymous", format!("{:?} is no rule", settings.anonymous_rules()[1]))];
    let all = load(&sources, &[&bad]).unwrap_err();
    assert_eq!(all.0[0].to_string(), "KEYWIRE_ANONYMOUS: anonymous: \"&&b\" is no rule");
}

#[test]
fn what_check_prints_gives_the_same_settings() {
    let flags = vec![
        flag("node", "n1"),
        flag("lanes", "3"),
        flag("anonymous", "~a (~b +get)"),
        flag("limits.outbox_bytes_max", "3MiB"),
        flag("log.level", "info,keywire=debug"),
        flag("origins", "https://a.example"),
    ];
    let effective = load(&Sources { flags, ..Sources::default() }, &[]).unwrap();
    let text = effective.to_toml();
    assert!(text.contains("# --set lanes=3"), "{text}");
    assert_eq!(with_file(&text, Sources::default()), Ok(effective.settings));
}

#[test]
fn no_password_is_shown_wherever_it_was_given() {
    let url = "redis://u:hunter2@h:1/0";
    let effective = load(&Sources { env: env(&[("KEYWIRE_REDIS", url)]), ..Sources::default() }, &[]).unwrap();
    assert_eq!(effective.settings.servers.redis, url);
    let text = effective.to_toml();
    assert!(text.contains("redis = \"redis://u:***@h:1/0\""), "{text}");
    let all = with_file("redis = \"redis://u:hunter2@h:x\"\n", Sources::default()).unwrap_err();
    assert!(all[0].starts_with("k.toml:1: redis: ") && !all[0].contains("hunter2"), "{all:?}");
}

#[test]
fn variables_that_kubernetes_adds_are_not_settings() {
    let links =
        [("KEYWIRE_PORT", "tcp://10.0.0.1:7700"), ("KEYWIRE_SERVICE_HOST", "10.0.0.1"), ("KEYWIRE_PORT_7700_TCP", "x")];
    assert!(load(&Sources { env: env(&links), ..Sources::default() }, &[]).is_ok());
}

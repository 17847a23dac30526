//! A text as a client may send it to `/ws`, `POST /command` and `/raw`: answered, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = wire::http::decode(data, 3);
    let _ = wire::line::command(data);
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(!wire::native::decode(text, 3).is_empty());
    }
});

//! Made-up companies: 25 first words by 20 second ones. No two words of a list share their first two letters, so the first
//! two letters of each make a symbol that no other company has.

const FIRST: [&str; 25] = [
    "Amber", "Birch", "Cobalt", "Delta", "Ember", "Falcon", "Granite", "Harbor", "Indigo", "Juniper", "Kestrel",
    "Lumen", "Meridian", "Nimbus", "Onyx", "Pioneer", "Quartz", "Ridge", "Summit", "Tidal", "Umbra", "Vertex",
    "Willow", "Xenon", "Yarrow",
];
const SECOND: [&str; 20] = [
    "Airways",
    "Bank",
    "Chemical",
    "Data",
    "Energy",
    "Foods",
    "Glass",
    "Health",
    "Instruments",
    "Lines",
    "Motors",
    "Networks",
    "Optics",
    "Power",
    "Robotics",
    "Semiconductor",
    "Telecom",
    "Utilities",
    "Ventures",
    "Works",
];

/// Symbol and name of each company, in the order of the symbols.
pub fn companies() -> Vec<(String, String)> {
    let symbol = |first: &str, second: &str| format!("{}{}", &first[..2], &second[..2]).to_uppercase();
    let of =
        |first: &'static str| SECOND.iter().map(move |second| (symbol(first, second), format!("{first} {second}")));
    let mut all: Vec<_> = FIRST.into_iter().flat_map(of).collect();
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_hundred_symbols_no_two_the_same() {
        let mut symbols: Vec<String> = companies().into_iter().map(|(symbol, _)| symbol).collect();
        symbols.dedup();
        assert_eq!(symbols.len(), 500);
        assert!(symbols.iter().all(|symbol| symbol.len() == 4));
    }
}

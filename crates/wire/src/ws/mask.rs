//! Masking (RFC 6455, 5.3): "octet i of the transformed data […] is the XOR of octet i of the original data […] with
//! octet at index i modulo 4 of the masking key". The same operation masks and unmasks.

/// Applies the mask to bytes of which the first is number `offset` of its payload.
pub(super) fn apply(bytes: &mut [u8], mask: [u8; 4], offset: u64) {
    if mask == [0; 4] {
        return;
    }
    let mut key = mask;
    key.rotate_left((offset % 4) as usize);
    let wide = u64::from(u32::from_ne_bytes(key)) * 0x1_0000_0001;
    let mut words = bytes.chunks_exact_mut(8);
    for word in &mut words {
        let masked = u64::from_ne_bytes((&*word).try_into().expect("chunks of eight")) ^ wide;
        word.copy_from_slice(&masked.to_ne_bytes());
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(key.into_iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn any_part_of_a_payload_is_masked_as_in_the_whole() {
        let mask = [1, 2, 3, 4];
        let plain: Vec<u8> = (0..100).collect();
        let expected: Vec<u8> = plain.iter().enumerate().map(|(i, b)| b ^ mask[i % 4]).collect();
        for split in 0..plain.len() {
            let mut bytes = plain.clone();
            let (head, tail) = bytes.split_at_mut(split);
            super::apply(head, mask, 0);
            super::apply(tail, mask, split as u64);
            assert_eq!(bytes, expected, "{split}");
        }
    }
}

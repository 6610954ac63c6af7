//! How long what is drawn is.

/// `value` of `most`, in parts of `width`: at least one part for what is there.
#[must_use]
pub fn scaled(value: u64, most: u64, width: u64) -> u64 {
    if value == 0 || most == 0 {
        return 0;
    }
    let wide = u128::from(value).saturating_mul(width.into()) / u128::from(most);
    u64::try_from(wide).unwrap_or(width).clamp(1, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_seen_and_nothing_is_longer_than_all() {
        for (value, most, width, drawn) in [
            (0, 10, 100, 0),
            (1, 1_000_000, 100, 1),
            (5, 10, 100, 50),
            (20, 10, 100, 100),
            (5, 0, 100, 0),
            (u64::MAX, u64::MAX, 100, 100),
        ] {
            assert_eq!(scaled(value, most, width), drawn, "{value} of {most}");
        }
    }
}

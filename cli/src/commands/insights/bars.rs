//! Small plots of characters.

use countersign_chatbot::figures::scaled;

/// Eighths of a block.
const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
/// Five shades.
const SHADES: [char; 5] = ['·', '░', '▒', '▓', '█'];

/// A bar of `value` where `most` is as long as `width` characters.
pub(super) fn bar(value: u64, most: u64, width: u64) -> String {
    let eighths = scaled(value, most, width.saturating_mul(8));
    let mut bar = "█".repeat(usize::try_from(eighths / 8).unwrap_or(0));
    let rest = usize::try_from(eighths % 8).unwrap_or(0);
    if let Some(part) = EIGHTHS.get(rest).filter(|_| rest > 0) {
        bar.push(*part);
    }
    bar
}

/// A bar that is solid up to one value and light up to another.
pub(super) fn range(solid: u64, light: u64, most: u64, width: u64) -> String {
    let solid = scaled(solid, most, width);
    let light = scaled(light, most, width).saturating_sub(solid);
    let part = |what: &str, count: u64| what.repeat(usize::try_from(count).unwrap_or(0));
    part("█", solid) + &part("░", light)
}

/// A shade for `value` of `most`; the lightest is none at all.
pub(super) fn shade(value: u64, most: u64) -> char {
    let place = usize::try_from(scaled(value, most, 4)).unwrap_or(0);
    SHADES.get(place).copied().unwrap_or('█')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_value() {
        assert_eq!(bar(0, 10, 4), "");
        assert_eq!(bar(10, 10, 4), "████");
        assert_eq!(bar(5, 10, 4), "██");
        assert_eq!(bar(1, 1_000, 4), "▏", "what is there is seen");
        assert_eq!(bar(20, 10, 4), "████");
        assert_eq!(bar(u64::MAX, u64::MAX, 4), "████");
        assert_eq!(range(5, 10, 10, 4), "██░░");
        assert_eq!(range(0, 0, 0, 4), "");
        assert_eq!((shade(0, 9), shade(1, 9), shade(9, 9)), ('·', '░', '█'));
    }
}

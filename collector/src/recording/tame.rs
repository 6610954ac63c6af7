//! Escape sequences of a recording that may reach the terminal of who looks at it.
//!
//! What a session showed may have been made to attack exactly that person: sequences that make a
//! terminal type an answer, set the clipboard, or rename the window. Only what paints passes.

use vte::{Params, Parser, Perform};

/// Passes text and harmless sequences on.
#[derive(Default)]
pub(crate) struct Tamer {
    parser: Parser,
    out: Tamed,
}

impl Tamer {
    /// What may be written of this text. A sequence that is cut is written with its end.
    pub(crate) fn tame(&mut self, text: &str) -> &[u8] {
        self.out.bytes.clear();
        self.parser.advance(&mut self.out, text.as_bytes());
        &self.out.bytes
    }
}

#[derive(Default)]
struct Tamed {
    bytes: Vec<u8>,
}

/// Private modes that only change how things look: cursor keys, wrapping, blinking, whether the
/// cursor shows, the alternate screen.
const MODES: [u16; 10] = [1, 6, 7, 12, 25, 47, 1_047, 1_048, 1_049, 2_026];

/// Final bytes of CSI sequences that move, erase, insert, scroll and colour.
const CSI: &[u8] = b"ABCDEFGHIJKLMPSTXZ@`abdefgmrsu";

impl Perform for Tamed {
    fn print(&mut self, letter: char) {
        let mut buffer = [0; 4];
        // C1 controls are sequences of their own in some terminals.
        if !('\u{80}'..='\u{9f}').contains(&letter) {
            self.bytes
                .extend_from_slice(letter.encode_utf8(&mut buffer).as_bytes());
        }
    }

    fn execute(&mut self, byte: u8) {
        // Not ENQ, which is answered, nor C1 controls.
        if matches!(byte, 0x07..=0x0f) {
            self.bytes.push(byte);
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, last: char) {
        let Ok(last) = u8::try_from(last) else {
            return;
        };
        let single = |one: &[u16]| one.first().copied().unwrap_or(0);
        let passes = match intermediates {
            [] => CSI.contains(&last) || (matches!(last, b'h' | b'l') && params.len() == 1),
            [b'?'] => match last {
                b'h' | b'l' => params.iter().all(|one| MODES.contains(&single(one))),
                b'J' | b'K' => true,
                _ => false,
            },
            [b' '] => last == b'q',
            [b'!'] => last == b'p',
            _ => false,
        };
        // Insert mode is the one ANSI mode that paints.
        let ansi_mode = intermediates.is_empty() && matches!(last, b'h' | b'l');
        if ignore || !passes || (ansi_mode && params.iter().any(|one| single(one) != 4)) {
            return;
        }
        let private = intermediates.first().is_some_and(|byte| *byte == b'?');
        self.bytes.extend_from_slice(b"\x1b[");
        if private {
            self.bytes.push(b'?');
        }
        for (at, one) in params.iter().enumerate() {
            if at > 0 {
                self.bytes.push(b';');
            }
            let texts: Vec<String> = one.iter().map(u16::to_string).collect();
            self.bytes.extend_from_slice(texts.join(":").as_bytes());
        }
        if !private {
            self.bytes.extend_from_slice(intermediates);
        }
        self.bytes.push(last);
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], ignore: bool, byte: u8) {
        let passes = match intermediates {
            [] => matches!(byte, b'7' | b'8' | b'D' | b'E' | b'M' | b'=' | b'>'),
            [b'(' | b')'] => matches!(byte, b'B' | b'0'),
            _ => false,
        };
        if passes && !ignore {
            self.bytes.push(0x1b);
            self.bytes.extend_from_slice(intermediates);
            self.bytes.push(byte);
        }
    }
}

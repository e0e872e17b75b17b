//! What the blocks of assembly of all instruction sets share (`driver::Machine`): registers, and the walk over segments, tiles and channels.
//!
//! Labels: 7 begins a tile, 2 a segment, 4 what is left of a segment after whole blocks, 6 ends a segment, 9 ends the block.

/// The registers that a block changes, and what it takes: pointers of pixels, more operands, and the text.
macro_rules! block {
    ($line:ident, $mr:literal, [$($c:ident)*], [$($more:tt)*], [$($text:expr),* $(,)?]) => {
        asm!(
            $($text,)*
            line = in(reg) &raw mut *$line,
            segment = out(reg) _, count = out(reg) _, w0 = out(reg) _, n = out(reg) _,
            $($c = out(reg) _,)*
            first = inout(reg) $line.first => _,
            pitch = in(reg) $line.pitch,
            step = in(reg) $line.pitch * $mr,
            blocks = in(reg) $line.blocks,
            rest = in(reg) $line.rest,
            bias = inout(reg) $line.bias => _,
            scale = inout(reg) $line.scale => _,
            constants = in(reg) $line.constants,
            tiles = inout(reg) $line.tiles => _,
            to = inout(reg) $line.to => _,
            to_pitch = in(reg) $line.to_pitch,
            $($more)*
            out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _, out("v6") _, out("v7") _,
            out("v8") _, out("v9") _, out("v10") _, out("v11") _, out("v12") _, out("v13") _, out("v14") _, out("v15") _,
            out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _, out("v22") _, out("v23") _,
            out("v24") _, out("v25") _, out("v26") _, out("v27") _, out("v28") _, out("v29") _, out("v30") _, out("v31") _,
            options(nostack)
        )
    };
}

/// Begins a segment: a pointer for each pixel, `{pitch}` codes apart, which comes from which; goes on at 4 if there is no whole block.
macro_rules! begin_segment {
    ($($from:ident $next:ident),*) => {
        concat!(
            "2: // {pitch}\nldr {c0}, [{segment}], #8\nadd {c0}, {c0}, {first}\n",
            $("add {", stringify!($next), "}, {", stringify!($from), "}, {pitch}\n",)*
            "cbz {blocks}, 4f\nmov {n}, {blocks}"
        )
    };
}

/// Ends a segment.
macro_rules! end_segment {
    () => {
        "6:\nsubs {count}, {count}, #1\nb.ne 2b"
    };
}

/// Ends a tile.
macro_rules! end_tile {
    () => {
        "subs {tiles}, {tiles}, #1\nadd {first}, {first}, {step}\nb.ne 7b // {to_pitch}"
    };
}

/// After all tiles of 16 channels, the next 16: `Line`'s fields by where they are.
macro_rules! next_channels {
    () => {
        concat!(
            "subs {times}, {times}, #1\nb.eq 9f\n",
            "ldp {n}, {tiles}, [{line}, #32]\nldp {w0}, {w1}, [{line}, #16]\nldp {first}, {to}, [{line}, #48]\n",
            "add {w0}, {w0}, {n}\nadd {w1}, {w1}, {n}\nadd {to}, {to}, #16\n",
            "stp {w0}, {w1}, [{line}, #16]\nstr {to}, [{line}, #56]\n",
            "add {bias}, {bias}, #64\nadd {scale}, {scale}, #64\nb 7b\n9:"
        )
    };
}

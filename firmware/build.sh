#!/usr/bin/env bash
# Builds the firmware for a board.
#
#   firmware/build.sh BOARD PLAN OUT [corrupt=BYTES]
#                                        BOARD: a directory of firmware/boards, or the path of one
#                                        PLAN: the directory that `edgebench emit` wrote
#                                        OUT: where to build; the program's path is the last line that is printed
#                                        corrupt: the program can corrupt images, in a static of so many bytes
#
# Tools: a Rust toolchain with the board's target (rustup target add thumbv7em-none-eabihf), or a compiler of one's own with the
# sources of its core library: EDGEBENCH_XTOOLS is a directory with an env.sh (or a file to source) that sets RUSTC.
set -euo pipefail
cd "$(dirname "$0")"
die() { echo "build.sh: $*" >&2; exit 2; }
[ $# = 3 ] || [[ $# = 4 && $4 =~ ^corrupt=[0-9]+$ ]] || die "usage: build.sh BOARD PLAN OUT [corrupt=BYTES]"
board=$1 plan=$(realpath "$2") out=$(realpath -m "$3")
case $board in */*) at=$(realpath "$board") ;; *) at=boards/$board ;; esac
[ -f "$at/board.toml" ] || die "$board is no board; there are: $(ls boards | tr '\n' ' ')(docs/boards.md says how to add one)"
field() { sed -n "s/^$1 *= *\"\\(.*\\)\"/\\1/p" "$at/board.toml"; }
target=$(field target) cpu=$(field target-cpu) stack=$(field stack)
[ -n "$target" ] && [ -n "$cpu" ] || die "$at/board.toml does not say target and target-cpu"

features=$(field features) workspace=0
# What no step has is left out.
! grep -q 'wide: true' "$plan/plan.rs" || features+=" wide"
if [ $# = 4 ]; then
  features="$features corrupt" workspace=${4#*=}
fi
flags="-Ctarget-cpu=$cpu -Clink-arg=--defsym=STACK=$(( ${stack%K} * 1024 ))"
args=(build --release --quiet --target "$target" --target-dir "$out" --features "$features")
if [ -n "${EDGEBENCH_XTOOLS:-}" ]; then
  if [ -d "$EDGEBENCH_XTOOLS" ]; then . "$EDGEBENCH_XTOOLS/env.sh"; else . "$EDGEBENCH_XTOOLS"; fi
  export RUSTC_BOOTSTRAP=1
  args+=(-Zbuild-std=core)
elif ! { command -v rustup >/dev/null && rustup target list --installed 2>/dev/null | grep -qx "$target"; }; then
  die "there is no core library for $target: rustup target add $target (or EDGEBENCH_XTOOLS, see the head of this script)"
fi
case $at in /*) name=$at ;; *) name=$board ;; esac
EDGEBENCH_WORKSPACE=$workspace EDGEBENCH_BOARD=$name EDGEBENCH_PLAN=$plan RUSTFLAGS="$flags" cargo "${args[@]}" >&2
elf=$out/$target/release/edgebench-firmware
# Without an allocator nothing that allocates would link; a dependency that brings one of its own would be found here.
! grep -qa '__rust_alloc\|__rg_alloc' "$elf" || die "the program has a heap"
echo "$elf"

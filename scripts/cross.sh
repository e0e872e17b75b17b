#!/usr/bin/env bash
# Static binaries for other machines, and the tests on their instruction sets.
#
#   scripts/cross.sh build TARGET [--features fetch …]   slim static binary, stripped; its size is printed
#   scripts/cross.sh test  TARGET [cargo test arguments] tests, under qemu-user where the CPU is another
#   scripts/cross.sh how   TARGET                        what would be used, and nothing else
#
# TARGET: x86_64-unknown-linux-musl, aarch64-unknown-linux-musl, armv7-unknown-linux-musleabihf, or the same with -gnu
# (-gnueabihf), which are static too.
#
# Tools, the first that is there (or the one that EDGEBENCH_CROSS names):
#   xtools    a compiler of one's own: EDGEBENCH_XTOOLS is a directory with an env.sh (or a file to source) that sets RUSTC and
#             linkers; a target without a standard library is built from its rust-src
#   zigbuild  rustup target add TARGET, and cargo-zigbuild (pip install cargo-zigbuild ziglang)
#   cargo     rustup target add TARGET, and a C compiler for it (on Debian: musl-tools, gcc-aarch64-linux-gnu, gcc-arm-linux-gnueabihf)
#   cross     cargo install cross, and docker or podman
# Tests need qemu-user (qemu-aarch64, qemu-arm); QEMU_CPU chooses the CPU: cortex-a72, cortex-a76, max.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() { sed -n '4,9p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }
die() { echo "cross.sh: $*" >&2; exit 2; }
has() { command -v "$1" >/dev/null 2>&1; }

[ $# -ge 2 ] || usage
verb=$1 target=$2; shift 2
case $verb in build|test|how) ;; *) usage ;; esac
case $target in
  x86_64-unknown-linux-musl|x86_64-unknown-linux-gnu) arch=x86_64 compilers="x86_64-linux-musl-gcc musl-gcc" ;;
  aarch64-unknown-linux-musl|aarch64-unknown-linux-gnu) arch=aarch64 compilers="aarch64-linux-musl-gcc" ;;
  armv7-unknown-linux-musleabihf|armv7-unknown-linux-gnueabihf) arch=arm compilers="arm-linux-musleabihf-gcc armv7-linux-musleabihf-gcc" ;;
  *) die "$target is no target of this script; expected one of
  x86_64-unknown-linux-musl aarch64-unknown-linux-musl armv7-unknown-linux-musleabihf
  x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu armv7-unknown-linux-gnueabihf" ;;
esac
case $target in
  x86_64-*-gnu) compilers="x86_64-linux-gnu-gcc gcc" ;;
  aarch64-*-gnu) compilers="aarch64-linux-gnu-gcc" ;;
  *-gnueabihf) compilers="arm-linux-gnueabihf-gcc" ;;
esac

# A C compiler that makes programs for the target, if there is one.
compiler() { local one; for one in $compilers; do if has "$one"; then echo "$one"; return; fi; done; return 1; }
rustup_has() { has rustup && rustup target list --installed 2>/dev/null | grep -qx "$target"; }
engine() { has docker || has podman; }

able() {
  case $1 in
    xtools) [ -n "${EDGEBENCH_XTOOLS:-}" ] && compiler >/dev/null ;;
    # zig has no static glibc.
    zigbuild) [[ $target == *musl* ]] && rustup_has && has cargo-zigbuild && cargo-zigbuild zig cc -- --version >/dev/null 2>&1 ;;
    cargo) rustup_has && compiler >/dev/null ;;
    cross) has cross && engine ;;
    *) die "EDGEBENCH_CROSS=$1: expected xtools, zigbuild, cargo or cross" ;;
  esac
}
choose() {
  local one
  if [ -n "${EDGEBENCH_CROSS:-}" ]; then
    able "$EDGEBENCH_CROSS" || die "EDGEBENCH_CROSS=$EDGEBENCH_CROSS: it is not complete for $target (see the head of this script)"
    echo "$EDGEBENCH_CROSS"; return
  fi
  for one in xtools zigbuild cargo cross; do if able $one; then echo $one; return; fi; done
  die "nothing here builds for $target. One of these will do:
  rustup target add $target && pip install cargo-zigbuild ziglang
  rustup target add $target, and one of these C compilers: $compilers
  cargo install cross, and docker or podman
  EDGEBENCH_XTOOLS=DIR, a directory with an env.sh that sets RUSTC"
}
tool=$(choose)

upper=$(tr 'a-z-' 'A-Z_' <<<"$target") under=${target//-/_}
cargo=(cargo) build_std=()
case $tool in
  xtools)
    file=$EDGEBENCH_XTOOLS; [ -d "$file" ] && file=$file/env.sh
    [ -f "$file" ] || die "EDGEBENCH_XTOOLS=$EDGEBENCH_XTOOLS: no file $file"
    # shellcheck disable=SC1090
    . "$file"
    root=$("${RUSTC:-rustc}" --print sysroot)/lib/rustlib
    if [ ! -d "$root/$target" ]; then
      [ -d "$root/src/rust/library" ] || die "$root has neither $target nor rust-src"
      export RUSTC_BOOTSTRAP=1; build_std=("-Zbuild-std=std,panic_abort")
    fi ;;
  cross) cargo=(cross) ;;
esac
if [ "$tool" = xtools ] || [ "$tool" = cargo ]; then
  cc=$(compiler)
  export "CARGO_TARGET_${upper}_LINKER=$cc" "CC_$under=$cc"
fi
flags="-C target-feature=+crt-static"
# What panics there ends there: nobody unwinds, and the tables for it would be a tenth of the program.
if [ "$verb" = build ] && [ "${EDGEBENCH_PROFILE:-slim}" = slim ]; then
  flags+=" -C force-unwind-tables=no"
  # GNU ld leaves out what is written all the same (zig's linker and the container's do without).
  case $tool in
    xtools|cargo) "$cc" -Wl,--version 2>/dev/null | grep -q '^GNU ld' &&
      flags+=" -C link-arg=-Wl,-T,scripts/no-unwind-tables.ld -C link-arg=-Wl,--no-eh-frame-hdr" ;;
  esac
fi
export "CARGO_TARGET_${upper}_RUSTFLAGS=$flags"
# Artefacts of different compilers do not go together.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target/cross-$tool}

emulator() {
  local one
  [ "$arch" != "$(uname -m)" ] || return 0
  for one in "qemu-$arch" "qemu-$arch-static"; do
    if has "$one"; then echo "$one"; return; fi
  done
  die "tests for $target need qemu-$arch (on Debian: qemu-user)"
}

case $verb in
  how) echo "$tool${build_std:+ ${build_std[*]}}" ;;
  build)
    # EDGEBENCH_PROFILE=release: as fast as it gets, whatever the size.
    profile=${EDGEBENCH_PROFILE:-slim}
    command=build; [ "$tool" != zigbuild ] || command=zigbuild
    "${cargo[@]}" "$command" --profile "$profile" --locked "${build_std[@]}" --no-default-features --bin edgebench --target "$target" "$@"
    binary=$CARGO_TARGET_DIR/$target/$profile/edgebench
    # A static program asks for no loader.
    if has readelf && readelf -l "$binary" | grep -q INTERP; then die "$binary is not static"; fi
    echo "$binary: $(stat -c %s "$binary") bytes" ;;
  test)
    if [ "$tool" != cross ]; then
      run=$(emulator)
      [ -z "$run" ] || export "CARGO_TARGET_${upper}_RUNNER=$run"
    fi
    [ "$tool" != zigbuild ] || cargo=(cargo-zigbuild)
    packages=(-p edgebench-kernels -p edgebench-corrupt -p edgebench-models)
    [ $# -eq 0 ] || packages=()
    "${cargo[@]}" test --locked "${build_std[@]}" --target "$target" "${packages[@]}" "$@" ;;
esac

#!/usr/bin/env bash
# The main job on real input: a tree of files through a WebDAV server and back, with rclone.
#   rclone-tree.sh URL USER PASSWORD SOURCE [VENDOR...]      (vendors: owncloud other; default both)
# URL names an existing, writable folder of the server; a folder is made in it and purged at the end.
# Prints one line per step; ends with status 1 at the first thing that is not as it must be.
set -euo pipefail

if (($# < 4)); then
  sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
url=${1%/} user=$2 password=$3 source=${4%/}
shift 4
vendors=("$@")
if ((${#vendors[@]} == 0)); then vendors=(owncloud other); fi

# Seconds that a single command may take.
deadline=${RCLONE_TREE_DEADLINE:-900}
# Random ranges read through `rclone cat`, and through a mount.
ranges=${RCLONE_TREE_RANGES:-20}

work=$(mktemp -d)
mounted=
cleanup() {
  if [[ -n $mounted ]]; then fusermount3 -u "$mounted" 2>/dev/null || umount -l "$mounted" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 143' TERM INT

say() { printf '%6ss  %s\n' "$SECONDS" "$*"; }
fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}
export RCLONE_CONFIG="$work/rclone.conf"
rc() { timeout --kill-after=5 "$deadline" rclone --retries 1 --low-level-retries 1 --timeout 60s "$@"; }

obscured=$(rclone obscure "$password")
for vendor in "${vendors[@]}"; do
  printf '[%s]\ntype = webdav\nurl = %s\nvendor = %s\nuser = %s\npass = %s\n\n' "$vendor" "$url" "$vendor" "$user" "$obscured"
done >"$RCLONE_CONFIG"

mapfile -d '' files < <(cd "$source" && find . -type f -printf '%P\0' | sort -z)
((${#files[@]})) || fail "$source holds no files"
mapfile -d '' large < <(cd "$source" && find . -type f -size +8k -printf '%P\0' | sort -z)
if ((${#large[@]} == 0)); then large=("${files[@]}"); fi
say "${#files[@]} files, $(du -sh --apparent-size "$source" | cut -f1), $(rclone version | head -1), to $url"

# Files that a transfer moved, out of rclone's JSON log (the last report of its statistics).
transfers() { grep -o '"transfers":[0-9]*' "$1" | tail -1 | cut -d: -f2; }

copy_and_check() {
  local remote=$1
  rc copy "$source" "$remote" --transfers 8 --checkers 8 --stats 0 || fail "copy to $remote"
  say "copied"
  rc check "$source" "$remote" --download --checkers 8 2>"$work/check.log" || {
    tail -20 "$work/check.log" >&2
    fail "check --download finds differences"
  }
  say "check --download: no difference"
}

sync_again() {
  local remote=$1 moved flags=()
  # Without times of its own the server cannot tell rclone more than sizes (vendor other).
  if [[ ${remote%%:*} != owncloud ]]; then flags=(--size-only); fi
  rc sync "$source" "$remote" "${flags[@]}" --checkers 8 --use-json-log --stats 1s --stats-log-level NOTICE 2>"$work/sync.log" ||
    fail "second sync"
  moved=$(transfers "$work/sync.log")
  [[ -n $moved ]] || fail "the second sync reported no statistics"
  ((moved == 0)) || fail "the second sync transferred $moved files"
  say "second sync ${flags[*]:-by size and time}: 0 transferred"
}

# A random file, offset and length, in `picked`, `offset` and `count`.
pick() {
  local size
  picked=${large[RANDOM * RANDOM % ${#large[@]}]}
  size=$(stat -c %s "$source/$picked")
  offset=$((size > 0 ? (RANDOM * 32768 + RANDOM) % size : 0))
  count=$(((RANDOM * 32768 + RANDOM) % (size - offset + 1) + 1))
}
# read_range FILE: the range that was picked, onto standard output.
read_range() {
  timeout 60 dd if="$1" iflag=skip_bytes,count_bytes,fullblock skip="$offset" count="$count" bs=64K status=none
}

random_ranges() {
  local remote=$1 i
  for ((i = 0; i < ranges; i++)); do
    pick
    rc cat "$remote/$picked" --offset "$offset" --count "$count" >"$work/range" || fail "cat $picked at $offset, $count bytes"
    read_range "$source/$picked" | cmp -s - "$work/range" || fail "$picked differs at $offset, $count bytes"
  done
  say "$ranges random ranges through cat: equal"
}

through_mount() {
  local remote=$1 i until
  if ! { : <>/dev/fuse; } 2>/dev/null || ! command -v fusermount3 >/dev/null; then
    say "mount left out: /dev/fuse does not open"
    return
  fi
  mkdir -p "$work/mount"
  mounted="$work/mount"
  rclone mount "$remote" "$mounted" --read-only --dir-cache-time 1m >"$work/mount.log" 2>&1 &
  local pid=$!
  until=$((SECONDS + 30))
  until mountpoint -q "$mounted"; do
    kill -0 "$pid" 2>/dev/null || fail "mount ended: $(tail -3 "$work/mount.log")"
    ((SECONDS < until)) || fail "no mount after 30 s"
    sleep 0.1
  done
  for ((i = 0; i < ranges; i++)); do
    pick
    read_range "$mounted/$picked" >"$work/range" || fail "reading $picked through the mount"
    read_range "$source/$picked" | cmp -s - "$work/range" || fail "$picked differs through the mount at $offset, $count bytes"
  done
  timeout 60 fusermount3 -u "$mounted" || fail "unmounting"
  mounted=
  wait "$pid" || true
  say "$ranges random ranges through the mount: equal"
}

moves() {
  local remote=$1 file=${files[0]} top
  rc moveto "$remote/$file" "$remote/moved here/renamed 文件.bin" || fail "moveto of a file"
  rc cat "$remote/moved here/renamed 文件.bin" | cmp -s - "$source/$file" || fail "the moved file differs"
  if rc lsf "$remote/$file" 2>/dev/null | grep -q .; then fail "the moved file is still at its old place"; fi
  top=$(cd "$source" && find . -mindepth 1 -maxdepth 1 -type d -printf '%P\n' | sort | tail -1)
  if [[ -n $top ]]; then
    rc moveto "$remote/$top" "$remote/moved directory" || fail "moveto of a directory"
    rc check "$source/$top" "$remote/moved directory" --one-way --size-only --exclude "/${file#"$top"/}" 2>"$work/check.log" || {
      tail -20 "$work/check.log" >&2
      fail "the moved directory differs"
    }
    if rc lsf "$remote/$top" 2>/dev/null | grep -q .; then fail "the moved directory is still at its old place"; fi
  fi
  say "moved a file and a directory"
}

for vendor in "${vendors[@]}"; do
  say "vendor $vendor"
  remote="$vendor:rclone-tree-$vendor"
  copy_and_check "$remote"
  sync_again "$remote"
  random_ranges "$remote"
  through_mount "$remote"
  moves "$remote"
  rc purge "$remote" || fail "purge"
  if rc lsf "$vendor:" | grep -qx "rclone-tree-$vendor/"; then fail "the purged folder is still listed"; fi
  say "purged"
done
say "all done"

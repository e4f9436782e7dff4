#!/bin/sh
# The whole table on a machine with an NVIDIA GPU: `muster bench pipeline` on the CPU and on CUDA, each clip in turn,
# every net on every face. It needs `muster setup --runtime cuda` (or MUSTER_ORT_LIB with the library of
# onnxruntime-gpu, its provider libraries beside it), CUDA 12 and cuDNN 9 where the system's loader finds them.
#
# usage: benches/gpu.sh [ROUNDS]
set -eu
cd "$(dirname "$0")/.."
: "${CARGO_TARGET_DIR:=target}"
muster=${MUSTER:-$CARGO_TARGET_DIR/release/muster}
rounds=${1:-3}

command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
benches/clips
for device in cpu cuda; do
    # What is missing is said in words, and ends the script.
    "$muster" --device "$device" bench pipeline --source "video:$CARGO_TARGET_DIR/bench/clips/one-or-two.mp4" \
        --seconds 5 >/dev/null
done
round=1
while [ "$round" -le "$rounds" ]; do
    for clip in one-or-two five eight-480; do
        for device in cpu cuda; do
            printf '\n== round %s, %s, %s\n' "$round" "$clip" "$device"
            "$muster" --device "$device" bench pipeline --source "video:$CARGO_TARGET_DIR/bench/clips/$clip.mp4" \
                --people "$CARGO_TARGET_DIR/bench/people" --every-net
        done
    done
    round=$((round + 1))
done

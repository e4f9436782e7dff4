#!/bin/sh
# The whole table on a machine with an NVIDIA GPU: `muster bench pipeline` on the CPU, on CUDA and by TensorRT, in 32 and in
# 16 bits, each clip in turn, every net on every face. It needs `muster setup --runtime cuda` (or MUSTER_ORT_LIB with the library of
# onnxruntime-gpu, its provider libraries beside it), CUDA 12, cuDNN 9 and TensorRT 10 where the system's loader finds them.
# The first run by TensorRT takes minutes: it makes its engines, and keeps them.
#
# usage: [DEVICES="cpu cuda"] benches/gpu.sh [ROUNDS]
set -eu
cd "$(dirname "$0")/.."
: "${CARGO_TARGET_DIR:=target}"
muster=${MUSTER:-$CARGO_TARGET_DIR/release/muster}
rounds=${1:-3}
devices=${DEVICES:-cpu cuda tensorrt tensorrt-fp16}

command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
benches/clips
for device in $devices; do
    # What is missing is said in words, and ends the script.
    "$muster" --device "$device" bench pipeline --source "video:$CARGO_TARGET_DIR/bench/clips/one-or-two.mp4" \
        --seconds 5 >/dev/null
done
round=1
while [ "$round" -le "$rounds" ]; do
    for clip in one-or-two five eight-480; do
        for device in $devices; do
            printf '\n== round %s, %s, %s\n' "$round" "$clip" "$device"
            "$muster" --device "$device" bench pipeline --source "video:$CARGO_TARGET_DIR/bench/clips/$clip.mp4" \
                --people "$CARGO_TARGET_DIR/bench/people" --every-net
        done
    done
    round=$((round + 1))
done

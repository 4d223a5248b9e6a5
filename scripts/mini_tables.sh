#!/usr/bin/env bash
# The tables of the small benchmark (paper, Tables VI, VII, VIII, X and XI) and its table of aims, from the committed
# weights and the data: `make mini-data` builds the splits for tuning, which are not in the repository. No row and no
# adapter that is there is made again: type it again after a stop.
#
#     bash scripts/mini_tables.sh [--dry-run] [data|adapters|runs|tables]…     # default: all four, in this order
#
#     data       tuning data: three seeds each of CRS, CRS with None and the baseline with None; 2,000 to 12,000 rows
#                for Table X; rows of a source without relations. Where a size is above the samples whose truth is among
#                the candidates, samples come again with their options in other orders; the log says how often
#     adapters   a LoRA adapter from each file of tuning data
#     runs       every model and adapter on every test split
#     tables     tables.md and aims.md, also printed
#
# One line says what each step does and whether it is done; --dry-run prints the commands instead of running them.
# Everything lies below $OUT. In the environment (defaults in brackets):
#
#     OUT       the folder [outputs/mini-tables]
#     TESTS     test splits, the main one first [all splits of the dataset whose name begins with "test"]
#     PLAIN     the split for tuning without relations [the first whose name begins with "train" and is not "train"]
#     DATASET   [finecops-mini]      MLLM  the plain model [mini-qwen2vl]      SEEDS  [0 1 2]      SIZES  [Table X's]
#     ROWS      positives of the main tuning [10000]      NEGATIVES  of those with None [2500]
#     TUNE      options of `finecops crs tune`      FEWEST  options of questions without None [--fewest 2]
#     LIMIT     samples of each test split; 0: all [0]
#     JOBS      adapters that are tuned at a time; on a CPU one for each core is faster than one with all cores [1]
set -euo pipefail
cd "$(dirname "$0")/.."

OUT=${OUT:-outputs/mini-tables}
DATASET=${DATASET:-finecops-mini}
MLLM=${MLLM:-mini-qwen2vl}
SEEDS=${SEEDS:-0 1 2}
SIZES=${SIZES-2000 4000 6000 8000 12000}
ROWS=${ROWS:-10000}
NEGATIVES=${NEGATIVES:-2500}
FEWEST=${FEWEST---fewest 2}
LIMIT=${LIMIT:-0}
JOBS=${JOBS:-1}
TUNE=${TUNE:---epochs 1 --batch-size 32 --per-device 32 --lr 1e-3 --rank 64 --alpha 64 --no-checkpointing}

dry=""
steps=()
for word in "$@"; do
    case $word in
    --dry-run) dry=yes ;;
    data | adapters | runs | tables) steps+=("$word") ;;
    *)
        echo "unknown step $word; there are: data, adapters, runs, tables (and --dry-run)" >&2
        exit 2
        ;;
    esac
done
[ ${#steps[@]} -gt 0 ] || steps=(data adapters runs tables)

# Splits of the dataset by the beginning of their names, in the order of its file; `data list` has no such list.
splits() {
    python -c "
import sys
from finecops.config.find import load_dataset
print(*(name for name in load_dataset(sys.argv[1]).splits if name.startswith(sys.argv[2])))" "$DATASET" "$1"
}
TESTS=${TESTS:-$(splits test)}
if [ -z "${PLAIN+given}" ]; then
    PLAIN=$(splits train | tr ' ' '\n' | grep -vx train | head -n 1 || true)
fi
[ -n "$TESTS" ] || { echo "$DATASET has no split whose name begins with \"test\": set TESTS" >&2; exit 2; }
[ -n "$PLAIN" ] || echo "note: $DATASET has no second training split: no tuning without relations (or set PLAIN)" >&2

# A step that makes a file or a folder: made FOLDER NAME PROOF "what it is" COMMAND…, done where PROOF is there.
made() {
    local folder=$1 name=$2 proof=$3 what=$4 asked
    shift 4
    asked=$folder/$name.command
    if [ -n "$dry" ]; then
        echo "$*"
        return
    fi
    # What other options made is not taken for what these would make.
    if [ -e "$asked" ] && [ "$(cat "$asked")" != "$*" ]; then
        echo "$folder/$name was made with other options ($asked): delete it, or choose another OUT" >&2
        exit 1
    fi
    if [ -e "$proof" ]; then
        echo "done   $what ($folder/$name)"
        return
    fi
    echo "make   $what ($folder/$name)"
    mkdir -p "$folder"
    echo "$*" >"$asked"
    run "$@"
    touch "$proof"
}

# A step of a run: finecops itself keeps the rows that are there.
always() {
    local what=$1
    shift
    if [ -n "$dry" ]; then
        echo "$*"
    else
        echo "run    $what"
        run "$@"
    fi
}

# The command's own output goes to a log; of a failure its end is shown.
LOG=$OUT/log.txt
run() {
    mkdir -p "$OUT"
    local log=$LOG before
    touch "$log"
    before=$(wc -c <"$log")
    echo "\$ $*" >>"$log"
    # A command must not read the list of those that follow.
    if ! "$@" </dev/null >>"$log" 2>&1; then
        tail -c "+$((before + 1))" "$log" | tail -n 20 >&2
        echo "failed: $* (all of it: $log; the same command continues)" >&2
        exit 1
    fi
}

# Name of every adapter and the options of its tuning data, one a line.
adapters() {
    local seed size
    for seed in $SEEDS; do
        echo "crs-$ROWS-seed$seed --positives $ROWS $FEWEST --seed $seed"
    done
    for seed in $SEEDS; do
        echo "none-seed$seed --positives $ROWS --negatives $NEGATIVES --seed $seed"
    done
    for seed in $SEEDS; do
        echo "baseline-seed$seed --positives $ROWS --negatives $NEGATIVES --style baseline --seed $seed"
    done
    for size in $SIZES; do
        echo "crs-$size-seed0 --positives $size $FEWEST --seed 0"
    done
    [ -z "$PLAIN" ] || echo "plain-$ROWS-seed0 --split $PLAIN --positives $ROWS $FEWEST --seed 0"
}

data() {
    local name options against=()
    for split in $TESTS; do
        while read -r file; do against+=(--against "$file"); done < <(files "$split")
    done
    while read -r name options; do
        # shellcheck disable=SC2086  # options are words
        made "$OUT/data" "$name" "$OUT/data/$name.checked" "tuning data" finecops crs tune-data --dataset "$DATASET" \
            --mllm "$MLLM" --out "$OUT/data/$name.jsonl" $options "${against[@]}"
    done < <(adapters)
}

# The annotation files of a split: a sample or an image of theirs in the tuning data ends the command.
files() {
    python -c "
import sys
from finecops.config.find import load_dataset
config = load_dataset(sys.argv[1])
print(*(f'{config.root}/{file}' for file in config.splits[sys.argv[2]]), sep='\n')" "$DATASET" "$1"
}

tune() {
    local name options failed=0
    while read -r name options; do
        if [ "$JOBS" -gt 1 ]; then
            # Each with a log of its own and one thread, as many as there are cores.
            while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do wait -n || failed=1; done
            OMP_NUM_THREADS=1 LOG=$OUT/log-$name.txt one_adapter "$name" &
        else
            one_adapter "$name"
        fi
    done < <(adapters)
    while [ -n "$(jobs -p)" ]; do wait -n || failed=1; done
    return "$failed"
}

one_adapter() {
    local name=$1
    # The card is written last: a folder that has it is complete; without it the tuning continues.
    # shellcheck disable=SC2086
    made "$OUT/adapters" "$name" "$OUT/adapters/$name/finecops.json" adapter finecops crs tune "$OUT/data/$name.jsonl" \
        --mllm "$MLLM" --out "$OUT/adapters/$name" $TUNE --seed "${name##*seed}"
}

runs() {
    local split k name options
    for split in $TESTS; do
        # Table VI's and VII's models alone and SFA. CRS is in the run without focus, as in the paper.
        on "$split" plain "SFA and both models alone, no focus" sfa run --both --no-focus --mllm "$MLLM"
        on "$split" focus "SFA and both models alone, focus" sfa run --both --mllm "$MLLM"
        on "$split" plain "CRS with None, not tuned" crs select --mllm "$MLLM" --none
        while read -r name options; do
            case $name in
            crs-* | plain-*) on "$split" plain "CRS by $name" crs select --mllm "$MLLM" --adapter "$OUT/adapters/$name" ;;
            none-*) on "$split" plain "CRS by $name" crs select --mllm "$MLLM" --none --adapter "$OUT/adapters/$name" ;;
            # The MLLM alone has one name in a run, whatever its adapter.
            baseline-*)
                on "$split" "$name" "$name" infer mllm --mllm "$MLLM" --none --adapter "$OUT/adapters/$name"
                ;;
            esac
        done < <(adapters)
        for k in 3 8 10; do
            on "$split" plain "CRS by crs-$ROWS-seed${SEEDS%% *}, k = $k" crs select --mllm "$MLLM" --topk "$k" \
                --adapter "$OUT/adapters/crs-$ROWS-seed${SEEDS%% *}"
        done
        for seed in $SEEDS; do
            on "$split" "sfa-crs-seed$seed" "SFA with CRS by crs-$ROWS-seed$seed" sfa run --slow crs --mllm "$MLLM" \
                --adapter "$OUT/adapters/crs-$ROWS-seed$seed"
        done
    done
}

# on SPLIT RUN "what it is" COMMAND…: a command of finecops in a run of its own on a test split.
on() {
    local split=$1 name=$2 what=$3
    shift 3
    always "$split: $what" finecops "$@" --dataset "$DATASET" --split "$split" --run "$OUT/runs/$split/$name" \
        --limit "$LIMIT"
}

# All runs on the test splits, in their order: what the tables are made of.
folders() {
    local split seed
    for split in $TESTS; do
        echo "$OUT/runs/$split/plain" "$OUT/runs/$split/focus"
        for seed in $SEEDS; do
            echo "$OUT/runs/$split/baseline-seed$seed" "$OUT/runs/$split/sfa-crs-seed$seed"
        done
    done | tr '\n' ' '
}

tables() {
    local all main
    all=$(folders)
    # The aims are about the first test split.
    main=$(TESTS=${TESTS%% *} folders)
    # shellcheck disable=SC2086
    written tables.md finecops crs tables $all --paper --as markdown
    # shellcheck disable=SC2086
    written aims.md python scripts/mini_aims.py $main --as markdown
}

# written FILE COMMAND…: its output, in a file and printed.
written() {
    local file=$OUT/$1
    shift
    if [ -n "$dry" ]; then
        echo "$* >$file"
    else
        echo "write  $file"
        mkdir -p "$OUT"
        "$@" >"$file.part"
        mv "$file.part" "$file"
        cat "$file"
    fi
}

for step in "${steps[@]}"; do
    case $step in
    data) data ;;
    adapters) tune ;;
    runs) runs ;;
    tables) tables ;;
    esac
done

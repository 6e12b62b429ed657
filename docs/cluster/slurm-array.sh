#!/bin/bash
# Eight machines without Dask: each hears its part, and the last step joins them.
#   sbatch docs/cluster/slurm-array.sh
#SBATCH --job-name=ndoki
#SBATCH --array=1-8
#SBATCH --cpus-per-task=8
#SBATCH --mem=8G
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --output=ndoki-%A-%a.log
set -u

RECORDINGS=${RECORDINGS:-/data/forest}
RESULTS=${RESULTS:-/data/results}
OPTIONS=(--detector gunshot --timezone Africa/Libreville)

# The ledger wants a disk with locks: parts lie on shared storage only if it has them.
ndoki detect "$RECORDINGS" --out "$RESULTS/part$SLURM_ARRAY_TASK_ID" "${OPTIONS[@]}" \
    --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" --jobs "$SLURM_CPUS_PER_TASK"
code=$?

# 0: all heard; 3: all heard but files that cannot be. A killed job goes on where it was, when it is queued again.
[ "$code" -eq 0 ] || [ "$code" -eq 3 ] || exit "$code"

# When all parts are done:
#   ndoki merge "$RESULTS/whole" "$RESULTS"/part* "${OPTIONS[@]}"

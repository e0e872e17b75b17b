#!/bin/sh
# A robustness grid as a Slurm job array: every task measures its share into a ledger of its own.
#
#   sbatch --array=1-7 scripts/scale/slurm_array.sh int8.tflite --data cifar-10-batches-bin --corruptions all
#
# Tasks that were cut off (time limit, preemption) go on where they were when the array is submitted again in the same directory.
#SBATCH --job-name=edgebench
#SBATCH --output=edgebench-%a.log
#SBATCH --requeue
set -eu
: "${SLURM_ARRAY_TASK_ID:?start with sbatch --array=1-N}"
exec "${EDGEBENCH:-edgebench}" eval "$@" --shard auto --ledger "part-$SLURM_ARRAY_TASK_ID.ledger" \
    --threads "${SLURM_CPUS_PER_TASK:-1}" --bootstrap 0 --quiet

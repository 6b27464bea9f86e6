#!/bin/sh
# First word of the container: judges the volume, joins when this node is new and a token waits, else does as told.
set -eu

data=${MYS3D_DATA:-/data}
if ! [ -w "$data" ]; then
    echo "mys3d: $data is not writable for user $(id -u). On the host: chown -R $(id -u):$(id -g) THE-DIRECTORY" >&2
    exit 1
fi

if [ "${1:-}" = start ] && [ -n "${MYS3D_TOKEN_FILE:-}" ] && ! [ -e "$data/identity" ]; then
    shift
    exec mys3d join "$(cat "$MYS3D_TOKEN_FILE")" "$@"
fi
exec mys3d "$@"

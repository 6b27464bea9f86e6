"""Every bound, with its unit and where it comes from.        Floor: ground. Called by: every room.

Law: nothing in mys3d is unbounded; a queue, page, retry, body or wait names a limit from here.
"""

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB
TIB: Final = 1024 * GIB

# --- S3 names and sizes -----------------------------------------------------------------------------------------
key_bytes_max: Final = 1024  # S3 User Guide, "Creating object key names"
bucket_name_min: Final = 3  # S3 User Guide, "Bucket naming rules"
bucket_name_max: Final = 63
metadata_bytes_max: Final = 2 * KIB  # S3 User Guide, user-defined metadata: 2 KB in the PUT header
put_bytes_max: Final = 5 * GIB  # S3 API, PutObject
list_keys_max: Final = 1000  # S3 API, ListObjectsV2 max-keys
delete_keys_max: Final = 1000  # S3 API, DeleteObjects
buckets_max: Final = 10_000  # S3 quota of general purpose buckets in an account (default)

# --- Blobs and bodies -------------------------------------------------------------------------------------------
blob_bytes_max: Final = 4 * MIB  # halves the memory of a busy PUT against 8 MiB; bandwidth is flat above 1 MiB
inline_blobs_max: Final = 32  # a version row holds its blob list inline up to here: 128 MiB
sub_digest_bytes: Final = 64 * KIB  # a ranged read verifies only the stretches of this size that it touches
read_piece_bytes: Final = 256 * KIB  # measured sweet spot of a download piece (fits the L2 cache)
receive_bytes: Final = 64 * KIB  # socket read size on uploads; larger was measured slower
hash_batch_bytes: Final = 1 * MIB  # one thread hop hashes this much
buffer_budget_bytes: Final = 256 * MIB  # body buffers of one node
buffer_wait_seconds: Final = 5.0  # waiting longer for body buffers answers 503 SlowDown

# --- Placement --------------------------------------------------------------------------------------------------
partitions_count: Final = 1024
replicas_max: Final = 3

# --- Registry and consensus -------------------------------------------------------------------------------------
command_bytes_max: Final = 128 * KIB
command_rows_max: Final = 1024
operation_lifetime_entries: Final = 200_000  # an outcome is remembered for this many log entries
propose_deadline_seconds: Final = 10.0
barrier_deadline_seconds: Final = 5.0
clock_skew_max_ms: Final = 2_000  # the leader refuses proposals whose time differs more from its own
apply_slice_seconds: Final = 0.002  # the applier yields to the loop after this long
scan_rows_max: Final = 10_000  # rows one scan call may visit before it must return a cursor

# --- Write path -------------------------------------------------------------------------------------------------
straggler_ms: Final = 250  # a third copy is waited for this long after the second durable one
push_deadline_seconds: Final = 10.0
fetch_deadline_seconds: Final = 30.0
commit_retries_max: Final = 4  # old layout or GC epoch at commit: push again this often, then 503

# --- Peers ------------------------------------------------------------------------------------------------------
control_frame_bytes_max: Final = 1 * MIB
bulk_frame_bytes_max: Final = blob_bytes_max + 64 * KIB
join_frame_bytes_max: Final = 16 * KIB  # the only frame a peer without certificate may send
peer_queue_frames_max: Final = 20_000
token_lifetime_seconds: Final = 3600

# --- HTTP front -------------------------------------------------------------------------------------------------
head_bytes_max: Final = 32 * KIB
head_deadline_seconds: Final = 10.0
body_stall_seconds: Final = 30.0
write_stall_seconds: Final = 30.0
keep_alive_seconds: Final = 75.0
drain_bytes_max: Final = 1 * MIB  # unread body after an early refusal: read this much, then close
drain_seconds: Final = 2.0
graceful_seconds: Final = 20.0

# --- XML --------------------------------------------------------------------------------------------------------
xml_body_bytes_max: Final = 1 * MIB
xml_delete_bytes_max: Final = 2 * MIB
xml_depth_max: Final = 16
xml_elements_max: Final = 50_000

assert inline_blobs_max < command_rows_max
assert hash_batch_bytes <= blob_bytes_max
assert blob_bytes_max % sub_digest_bytes == 0
assert bulk_frame_bytes_max > blob_bytes_max

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
object_tags_max: Final = 10  # S3 User Guide, "Categorizing objects using tags"
acl_grants_max: Final = 100  # S3 User Guide, "Access control list (ACL) overview"
bucket_tags_max: Final = 50  # S3 User Guide, "Using cost allocation S3 bucket tags"
tag_key_max: Final = 128  # characters, as the former
tag_value_max: Final = 256
cors_rules_max: Final = 100  # of one bucket. S3 User Guide, "Elements of a CORS configuration"
cors_rule_id_chars_max: Final = 255  # S3 API, CORSRule
cors_bytes_max: Final = 64 * KIB  # S3 API, PutBucketCors: of the document
cors_headers_asked_max: Final = 100  # in one Access-Control-Request-Headers: each is held against all of a rule
put_bytes_max: Final = 5 * GIB  # S3 API, PutObject and UploadPart
object_bytes_max: Final = 5 * TIB  # S3 User Guide, "Amazon S3 multipart upload limits"
parts_max: Final = 10_000  # same page: part numbers are 1 to 10,000
part_bytes_min: Final = 5 * MIB  # same page; the last part of an upload may be smaller
list_parts_max: Final = 1000  # S3 API, ListParts max-parts
list_uploads_max: Final = 1000  # S3 API, ListMultipartUploads max-uploads
list_keys_max: Final = 1000  # S3 API, ListObjectsV2 max-keys
delete_keys_max: Final = 1000  # S3 API, DeleteObjects
delete_command_bytes_max: Final = 64 * KIB  # keys of one DeleteObjects command; longer requests are split
delete_command_rows_max: Final = 512  # what a proposer aims at; keys may grow before the command is applied
delete_command_keys_max: Final = 320  # of one command, as releases before multipart objects cut their lists
delete_keys_max_at_once: Final = 240  # as lists are cut now: its own row and those of a body
delete_versions_max: Final = 120  # of one command in buckets that keep versions, with the rows of a body
version_rows_max: Final = 5  # of a removal there: live row, null pointer, three versions
body_rows_max: Final = 3  # of a body that goes: itself, what it left over, its place among the dead; or three blobs
entity_tag_bytes_max: Final = 256  # of one key in DeleteObjects; those of S3 have 32 hex digits and a part count
request_skew_ms: Final = 15 * 60 * 1000  # S3 API: a request is refused when its date is 15 minutes off
presigned_seconds_max: Final = 7 * 24 * 3600  # S3 API, X-Amz-Expires: 604,800
form_head_bytes_max: Final = 20_000  # S3 API, POST: all of a form but its file
form_fields_max: Final = 100  # of one form
signing_keys_max: Final = 10_000  # cached SigV4 signing keys of one node
signers_max: Final = 1024  # Authorization headers that are remembered, each without its signature
signer_chars_max: Final = 1024  # a longer one is read each time
rows_kept: Final = 128  # of buckets and of access keys, decoded: each request asks for its own; < 128 KiB each
chunk_line_bytes_max: Final = 1 * KIB  # an aws-chunked header or trailer line; signatures and checksums are < 200 bytes
chunk_trailers_max: Final = 16
users_max: Final = 10_000  # told in one answer of the admin API
user_name_chars_max: Final = 64  # IAM API, CreateUser
email_chars_max: Final = 254  # RFC 5321 section 4.5.3.1.3, without the brackets
keys_per_user_max: Final = 100  # deleted with the user by one command; AWS allows 2
buckets_max: Final = 10_000  # S3 quota of general purpose buckets in an account (default)

# --- Blobs and bodies -------------------------------------------------------------------------------------------
blob_bytes_max: Final = 4 * MIB  # halves the memory of a busy PUT against 8 MiB; bandwidth is flat above 1 MiB
inline_blobs_max: Final = 32  # a version row holds its blob list inline up to here: 128 MiB
extent_blobs_max: Final = 256  # names in one extent of a larger body, about 10 KiB: 1 GiB of bytes
staged_lifetime_ms: Final = 24 * 3600 * 1000  # a body that nothing was staged to for this long is given up
abandon_seconds: Final = 2.0  # a PUT that failed gives its staged body up within this, or leaves it to the leader
reap_grace_ms: Final = 600 * 1000  # a dead body keeps its names for this long: downloads under way go on
reap_tick_seconds: Final = 5.0
reap_bodies_max: Final = 100  # bodies that one look of the leader gives up or reaps
reap_parts_max: Final = 128  # parts that one Reap looks at: with a staged body each, 600 rows
upload_token_bytes: Final = 16
completed_lifetime_ms: Final = 24 * 3600 * 1000  # a repeated CompleteMultipartUpload gets its answer for so long
completed_forgotten_max: Final = 4  # expired answers that one Complete forgets: more than it adds
part_tables_kept: Final = 8  # decoded tables of parts kept in memory: 1.5 MiB each at worst
sub_digest_bytes: Final = 64 * KIB  # a ranged read verifies only the stretches of this size that it touches
read_piece_bytes: Final = 256 * KIB  # of a download at once, held until the client has taken it
read_piece_bytes_max: Final = 1 * MIB  # the same while the client keeps up: a piece costs 0.1 ms beside its bytes
keeping_up_bytes_per_second: Final = 32 * MIB  # so fast: some fifty clients share 1.5 GB/s like that
read_buffers_kept_max: Final = 4  # of one directory, each of a piece: while one is sent the next is read
headers_kept_max: Final = 64  # verified headers of blobs that are read piece by piece: 10 KB each at most
receive_bytes: Final = 64 * KIB  # socket read size on uploads; larger was measured slower
hash_batch_bytes: Final = 1 * MIB  # one thread hop hashes this much
buffer_budget_bytes: Final = (
    128 * MIB
)  # body buffers of one node; with what queues for disks and peers its RSS stays below 400 MB
buffer_bytes: Final = blob_bytes_max + 64 * KIB  # of one that is used again: a whole blob, or the frame around it
buffer_bytes_min: Final = 128 * KIB  # less is not worth a whole one
buffers_kept_max: Final = 8  # of one node, 33 MiB; what is needed beyond is made and dropped
give_back_seconds: Final = 10.0  # free memory is returned to the kernel this often: 5 ms each time under full load
buffer_wait_seconds: Final = 5.0  # waiting longer for body buffers answers 503 SlowDown

# --- Volumes ----------------------------------------------------------------------------------------------------
volume_bytes_max: Final = 1 * GIB  # one file of blobs; also at most 1/64 of the disk
volume_bytes_min: Final = 8 * MIB  # room for one blob of the largest size on any disk
commit_blobs_max: Final = 256  # blobs that share one fdatasync; more gain little
commit_bytes_max: Final = 32 * MIB  # bytes that share one fdatasync: a slow disk answers the first of them soon
blob_puts_waiting_max: Final = 4096  # blobs queued for one directory; more are refused and may be tried again
unattended_bytes_max: Final = 32 * MIB  # queued for one disk with nobody waiting any more: a hanging disk takes no more
blob_reads_waiting_max: Final = 32  # threads that read blobs which are not cached
damages_per_minute_max: Final = 3  # a directory that shows so many damaged records in a minute is not trusted further
verified_lifetime_seconds: Final = 24 * 3600.0  # "have it" counts for this long after the copy was last verified
verified_blobs_max: Final = 40_000  # verified blobs remembered, 100 bytes each; others are read again when asked for
touched_blobs_max: Final = 200_000  # touches remembered one by one; above it everything counts as touched
punch_bytes_min: Final = 64 * KIB  # dead data from this size on is punched out; smaller is left to compaction
headers_step_max: Final = 4096  # records that one step of a walk over a volume looks at: 20 ms of CPU in its thread
compaction_pause_seconds: Final = 60.0  # how often a directory looks for a volume that is mostly dead
seal_early_bytes_min: Final = 32 * MIB  # a volume that takes more, most of it dead, is not written on until it is full
compaction_step_bytes: Final = 1 * MIB  # live records copied at once; puts wait for one such write at most
compaction_bytes_per_second: Final = 16 * MIB  # of live records copied
reclaim_seconds: Final = 5.0  # the room of forgotten blobs is returned this often: one index flush each time
punches_waiting_max: Final = 10_000  # dead records remembered for punching; the room of more is left to compaction
index_buffer_bytes: Final = 4 * MIB  # index rows in memory: lost in a crash, read again from the volumes
index_rows_max: Final = 10_000  # rows in one batch while an index is built anew: bounds its memory
index_cache_bytes: Final = 4 * MIB  # lookups by digest hit any row alike: the pages of the kernel do as well
disk_reserve_bytes_max: Final = 2 * GIB  # a directory turns read-only below min(5 %, 2 GiB) free ...
disk_reserve_bytes_min: Final = 64 * MIB  # ... but at least this
disk_reserve_percent: Final = 5
journal_reserve_bytes_max: Final = 256 * MIB  # ... and this much earlier where the journal or registry is on that disk
journal_reserve_divisor: Final = 16  # of a small disk no more than this part of it

# --- Placement --------------------------------------------------------------------------------------------------
partitions_count: Final = 1024
replicas_max: Final = 3

# --- Registry and consensus -------------------------------------------------------------------------------------
command_bytes_max: Final = 128 * KIB
command_rows_max: Final = 1024
members_max: Final = 400  # a layout is released by one command, which settles every member of it
tokens_max: Final = 400  # join tokens at once: the next command drops all that have expired
operation_lifetime_entries: Final = 200_000  # an outcome is remembered for this many log entries
propose_deadline_seconds: Final = 10.0
cancel_deadline_seconds: Final = 5.0  # then a proposal whose deadline passed stays in doubt: no majority answers
barrier_deadline_seconds: Final = 5.0
hopeless_seconds: Final = 1.0  # with no majority connected for this long, reads and commands are refused at once
clock_skew_max_ms: Final = 2_000  # the leader refuses proposals whose time differs more from its own
apply_slice_seconds: Final = 0.002  # the applier yields to the loop after this long
entries_ahead: Final = 8  # applied between two looks at the clock, with rows that were read at once
store_stall_seconds: Final = 0.5  # rows that cannot be written for longer: no proposals are taken until they can
store_hand_over_seconds: Final = 2.0  # a leader whose rows are damaged tries for this long to pass leadership on
quarantined_stores_max: Final = 2  # damaged stores kept aside for rescue: the newest ones
quarantine_period_ms: Final = 3600 * 1000  # that many damaged stores within this, and one more, mean a failing disk
quarantined_journals_max: Final = 2  # journals that could not be trusted, kept aside for rescue: the newest ones
registry_buffer_bytes: Final = 8 * MIB  # rows in memory: lost in a crash, replayed from the journal
registry_cache_bytes: Final = 8 * MIB  # filled by whatever is flushed, so all of it is in use soon
registry_index_piece_bytes: Final = 4 * KIB  # of the index and filter of a file: as large as a block of rows
row_key_bytes_max: Final = 4 * key_bytes_max  # a NUL of an object key is two bytes in a row key; ids stand around it
listed_deletes_max: Final = 2_000  # in memory: each list walks over those where it begins, 1 ms for so many
sweep_rows_seconds: Final = 1.0  # how soon more of them go to the disk, and are compacted there
compare_rows_max: Final = 20_000  # rows that one comparison of the nodes names: about 25 ms of a thread
compare_tick_seconds: Final = 30.0  # between two of them: a million rows are compared in 25 minutes
compare_wait_seconds: Final = 5.0  # the other nodes have this long to name theirs
compared_kept_max: Final = 8  # names that a node remembers
log_keep_entries: Final = 20_000  # applied entries kept for nodes a little behind; half as many more before a cut
log_keep_entries_max: Final = 25_000  # what an operator may ask for
log_entries_max: Final = 40_000  # in memory; beyond it nothing is appended before something is applied
log_bytes_max: Final = 64 * MIB  # of the log in memory, as above
proposals_bytes_max: Final = 64 * MIB  # of commands waiting on one node; more are refused
inbox_bytes_max: Final = 64 * MIB  # Raft frames that have arrived and wait for the next cycle; more are dropped
snapshot_piece_bytes: Final = 1 * MIB  # one answer to a node that fetches the registry
snapshot_piece_seconds: Final = 30.0
snapshot_reserve_bytes: Final = 64 * MIB  # a snapshot leaves this much free: the journal may be on the same disk
snapshot_open_seconds: Final = 60.0  # flushing the rows and freezing a copy
snapshot_retries_max: Final = 5  # of one piece, when the lane breaks
snapshot_idle_seconds: Final = 60.0  # a copy that nobody asked a piece of for this long is let go of
snapshot_quiet_seconds: Final = 5.0  # ... or for this long, when its room is wanted for another one
snapshots_kept_max: Final = 2  # frozen copies of one node at a time; several nodes may fetch the same
snapshot_files_max: Final = 10_000
snapshot_rest_seconds: Final = 1.0  # between two attempts to fetch
check_names_max: Final = 1_000_000  # blobs whose names a check of the registry counts at once: about 200 MB
violations_max: Final = 100  # sentences of one check
scan_rows_max: Final = 10_000  # rows one scan call may visit before it must return a cursor

# --- Write path -------------------------------------------------------------------------------------------------
straggler_ms: Final = 250  # a third copy is waited for this long after the second durable one
straggler_ms_max: Final = 10_000  # an operator may set the former to anything up to here
straggler_min_ms: Final = 50  # below this a busy core alone looks like a straggler
room_watch_seconds: Final = 2.0  # a node that refused a push is asked this often whether it takes blobs again
lagging_misses_count: Final = 3  # after this many misses in a row a home is pushed to but not waited for
lagging_probe_every: Final = 64  # ... except by one push in this many, which may find it fast again
pushes_ahead_max: Final = 2  # blobs of one body on their way while the next is read
piece_bytes_min: Final = 8 * KIB  # smaller pieces of a body are copied together: a list of crumbs costs more memory
repair_queue_max: Final = 10_000  # missing blobs remembered one by one; more are found again by a scan
repair_fetches_max: Final = 32  # blobs fetched at once in the background: small ones share syncs ...
repair_bytes_max: Final = 32 * MIB  # ... and large ones do not fill the memory
repair_grace_seconds: Final = 1.0  # a commit may be applied before the push that belongs to it has arrived
repair_backoff_max_seconds: Final = 64.0
repair_scan_rows: Final = 1_000  # references one reconcile step reads from the registry
status_deadline_seconds: Final = 2.0  # a peer that has not told its state by then is shown as unreachable
membership_tick_seconds: Final = 0.25  # between two looks while nodes come or go
membership_rest_seconds: Final = 1.0  # ... and else: for peers that are silent, or back
seal_wait_seconds: Final = 2.0  # a seal waits this long for members to apply the begin; late ones push again
push_deadline_seconds: Final = 10.0
fetch_deadline_seconds: Final = 30.0
commit_retries_max: Final = 4  # old layout or GC epoch at commit: push again this often, then 503

# --- Garbage collection -----------------------------------------------------------------------------------------
gc_period_ms: Final = 600_000  # between two epochs: a blob is deleted one to two of them after its last reference
gc_period_ms_min: Final = 100  # for tests; a write has to be committed within a period of its pushes
gc_period_ms_max: Final = 24 * 3600 * 1000
dead_after_ms: Final = 60_000  # a voter silent for this long is replaced: a restart takes seconds, a reboot a minute
dead_after_ms_min: Final = 500  # below that, an election looks like a death
dead_after_ms_max: Final = 24 * 3600 * 1000
gc_looks_per_period: Final = 4  # how often the epoch is looked at ...
gc_look_seconds_max: Final = 30.0  # ... but at least this often
gc_step_blobs: Final = 1_000  # blobs held that one step of a walk looks at: about 10 ms in a thread
gc_rest_factor: Final = 30  # a walk rests this much longer than its last step took ...
gc_rest_seconds_max: Final = 1.0  # ... but at most this
gc_deletes_at_once: Final = 32  # index rows deleted between two looks at the loop: about 1 ms
gc_questions_max: Final = 16  # surplus copies that homes are asked for at once: they may have to read all of them
gc_lag_entries_max: Final = 1_000  # a node that is further behind the log deletes nothing

# --- Scrub ------------------------------------------------------------------------------------------------------
scrub_cycle_ms: Final = 14 * 24 * 3600 * 1000  # every blob is read again this often; Garage: 25 to 35 days
scrub_bytes_per_second: Final = 10_000_000  # Swift's auditor: 10 MB/s; more when a cycle would not suffice
scrub_fast_bytes_per_second: Final = 400_000_000  # when an operator asked for it
scrub_headroom: Final = 1.25  # a round that has to hurry takes four fifths of the cycle
scrub_step_bytes: Final = 4 * MIB
scrub_checkpoint_seconds: Final = 60.0  # a crash repeats what was read since the last one
scrub_look_seconds: Final = 5.0  # how late it is noticed that a damaged copy was replaced
scrub_pause_ms_max: Final = 24 * 3600 * 1000  # a pause that was forgotten ends by itself
scrub_call_seconds: Final = 5.0  # a peer that is asked to start or pause has noted it by then
scrub_open_max: Final = 1_000  # damaged copies watched until they are healed; repair knows of all

# --- Peers ------------------------------------------------------------------------------------------------------
control_frame_bytes_max: Final = 1 * MIB
bulk_frame_bytes_max: Final = buffer_bytes
join_frame_bytes_max: Final = 16 * KIB  # the only frame a peer without certificate may send
peer_queue_frames_max: Final = 20_000
peer_queue_bytes_max: Final = 64 * MIB  # waiting to be sent on one connection; more is refused
peer_pushed_bytes_max: Final = (
    32 * MIB
)  # pushes to one peer that are not acknowledged, or were given up and wait to be sent; more wait
plain_bulk_bytes_min: Final = (
    64 * KIB
)  # larger blobs take the plain lane where there is one: encryption costs most there
peer_served_bytes_max: Final = 32 * MIB  # pushes of one connection being stored, blobs being read for it; more wait
peer_unsent_bytes_max: Final = 24 * MIB  # answers of one connection that wait to be sent; beyond it is not read
peer_served_count_max: Final = 4_096  # calls of one connection being served; more are not read
peer_batch_bytes: Final = 256 * KIB  # one write, and one read: TLS records are 16 KiB, so 16 of them
peer_batch_pieces: Final = 512  # in one write; Linux IOV_MAX is 1,024
plain_first_bytes: Final = 16 * KIB  # read of what begins a frame: the rest of it goes straight into its place
plain_batch_bytes: Final = 1 * MIB  # one read of a plain lane: 0.2 ms of copying on the loop
peer_connections_max: Final = 512  # incoming; more are closed unheard
peer_strangers_max: Final = 32  # of them without certificate
peer_handshake_seconds: Final = 10.0  # connect, TLS and greeting; also the one frame of a joining node
peer_ping_seconds: Final = 1.0
peer_silence_seconds: Final = 5.0  # a control lane that answers no ping for this long is broken
peer_sweep_seconds: Final = 0.5  # how late a deadline of a call may be noticed
peer_retry_min_seconds: Final = 0.05  # a lane is dialled again after this long, doubled up to ...
peer_retry_max_seconds: Final = 2.0
join_deadline_seconds: Final = 30.0  # from the first packet of a joining node to its grant
have_deadline_seconds: Final = 10.0
token_lifetime_seconds: Final = 3600

# --- HTTP front -------------------------------------------------------------------------------------------------
ready_deadline_seconds: Final = 2.0  # a load balancer's question is answered within this
connections_max: Final = 4096  # of the S3 port
admin_connections_max: Final = 128  # of the admin port, which no load on the other can take
accepts_at_once: Final = 64  # connections that come in with another one
turned_away_max: Final = 64  # connections beyond these that are told so at a time; more are closed unheard
turn_away_seconds: Final = 2.0
rest_seconds: Final = 1.0  # a connection that has waited for less is not closed to make place for another
descriptors_reserve: Final = 2048  # file descriptors for volumes, indexes, registry and peers
head_bytes_max: Final = 32 * KIB
headers_count_max: Final = 256  # 2 KB of one-letter user metadata still fit beside the headers of an SDK
chunk_overhead_bytes_max: Final = 16 * KIB  # chunk lines may exceed what small chunks need by this, as in Go
admin_body_bytes_max: Final = 64 * KIB  # requests to health and admin routes
handshake_seconds: Final = 10.0
head_deadline_seconds: Final = 10.0
body_stall_seconds: Final = 30.0
requests_max: Final = 256  # of S3, in work on one node; with more at once all of them and health checks turn slow
transfers_max: Final = (
    512  # more that only move large bodies: each may hold one piece of a download (`read_piece_bytes`)
)
transfer_bytes_min: Final = 1 * MIB  # a body is large once this much of it was received
request_wait_seconds: Final = 5.0  # waiting longer for its turn answers a request 503 SlowDown
body_pace_bytes_per_second: Final = 500.0  # of a body, on average; Apache 2.4, mod_reqtimeout: MinRate=500
write_stall_seconds: Final = 30.0
complaint_seconds: Final = 10.0  # an overload is told in the log this often at most
certificate_look_seconds: Final = 10.0  # how soon a renewed certificate is shown
keep_alive_seconds: Final = 75.0
sweep_seconds: Final = 0.5  # connections are looked over this often for waits that are over
drain_bytes_max: Final = 1 * MIB  # unread body after an early refusal: read this much, then close
drain_seconds: Final = 2.0
graceful_seconds: Final = 20.0

# --- XML --------------------------------------------------------------------------------------------------------
xml_body_bytes_max: Final = 1 * MIB
xml_delete_bytes_max: Final = 2 * MIB
xml_complete_bytes_max: Final = 4 * MIB  # 10,000 parts with an entity tag and a SHA512 each are 2.4 MB
xml_depth_max: Final = 16
xml_elements_max: Final = 50_000

assert inline_blobs_max < extent_blobs_max
assert 2 * extent_blobs_max < command_rows_max
assert (1 + body_rows_max) * delete_keys_max_at_once + inline_blobs_max < command_rows_max
assert (version_rows_max + body_rows_max) * delete_versions_max + inline_blobs_max < command_rows_max
assert 2 * max(members_max, tokens_max) < command_rows_max
assert 4 * keys_per_user_max < command_rows_max
assert put_bytes_max <= 2**32 * blob_bytes_max  # sequences of extents are four bytes
assert hash_batch_bytes <= blob_bytes_max
assert read_piece_bytes <= read_piece_bytes_max <= hash_batch_bytes  # more is not verified on the loop
assert blob_bytes_max % sub_digest_bytes == 0
assert bulk_frame_bytes_max > blob_bytes_max
assert commit_bytes_max >= blob_bytes_max
assert volume_bytes_min > blob_bytes_max
assert peer_pushed_bytes_max >= bulk_frame_bytes_max
assert peer_served_bytes_max >= bulk_frame_bytes_max
assert peer_queue_bytes_max >= bulk_frame_bytes_max + peer_pushed_bytes_max
assert peer_queue_bytes_max > peer_unsent_bytes_max + peer_served_bytes_max
assert peer_ping_seconds < peer_silence_seconds
assert log_keep_entries <= log_keep_entries_max
assert log_keep_entries_max * 3 // 2 < log_entries_max
assert snapshot_piece_bytes <= bulk_frame_bytes_max
assert snapshot_idle_seconds > snapshot_piece_seconds
assert snapshot_quiet_seconds > 2 * snapshot_rest_seconds
assert turned_away_max < descriptors_reserve
assert peer_connections_max < descriptors_reserve
assert join_deadline_seconds > propose_deadline_seconds

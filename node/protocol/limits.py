"""Every limit of WeTalk in one place, the unit last in its name, with its reason.

Limits under "format" are part of the protocol (docs/protocol.md names them; changing one needs a
new rules version). The others are this program's own and may differ from node to node.
"""

from typing import Final

# --- format: what a record may be -----------------------------------------------------------------
RECORD_VERSION: Final = 1
RULES_VERSION: Final = 1
HEADER_SIZE_MAX_BYTES: Final = (
    320  # the largest possible header is 298 bytes; room for nothing else
)
BODY_SIZE_MAX_BYTES: Final = 32_768  # a listing with text in three languages; SSB lives with 8 kB
ACCOUNT_BODY_SIZE_MAX_BYTES: Final = 16_384  # 64 claims with four stamps each fit
CLOSED_BODY_SIZE_MAX_BYTES: Final = 4_096  # identity, office, witness: fixed shapes, short lists
NESTING_MAX_LEVELS: Final = 8
KEY_SIZE_MAX_BYTES: Final = 32  # map keys are short words
KIND_SIZE_MAX_BYTES: Final = 32
SEQUENCE_MAX_COUNT: Final = 2**40  # a record a millisecond for 34 years
TIME_MAX_MS: Final = 2**53 - 1  # exact in every language's number type
AMOUNT_MAX_UNITS: Final = 2**40  # minor units; 11 billion at two decimals
SUM_MAX_UNITS: Final = 2**53 - 1  # sums stay exact in a double, for clients in other languages
CARRY_MAX_COUNT: Final = 32  # heads one account.open may stand on: restores of a lifetime
PAST_HEADS_MAX_COUNT: Final = 256  # all heads an open stands on, through opens it carries
CLAIM_ITEMS_MAX_COUNT: Final = 64  # keeps one record's judgement bounded
STAMPS_MAX_COUNT: Final = 16  # stamps a claim item may name
SUPERSEDES_MAX_COUNT: Final = 32  # acts one act may replace
APPROVALS_MAX_COUNT: Final = 16
PROPOSAL_SIZE_MAX_BYTES: Final = 4_000  # a closed body less the map around it
MEDIATORS_MAX_COUNT: Final = 32
COUNTED_UNITS_MAX_COUNT: Final = 8
FAITH_MAX_DAYS: Final = 365
MEMBERS_MAX_COUNT: Final = 2**32 - 1  # of one chapter, in a close
CUTS_MAX_COUNT: Final = 5  # one per lane kind of devices
SCOPES_MAX_COUNT: Final = 5
SALT_SIZE_BYTES: Final = 16
GENESIS_SIZE_MAX_BYTES: Final = 65_536
CHAPTERS_MAX_COUNT: Final = 256
OFFICERS_MAX_COUNT: Final = 16
WITNESSES_MAX_COUNT: Final = 16
NAME_SIZE_MAX_BYTES: Final = 96  # names of communities, chapters, rooms: 32 Hangul syllables
DECIMALS_MAX_COUNT: Final = 6
WORD_SIZE_MAX_BYTES: Final = 64  # units, regions, tags, languages
TEXT_SIZE_MAX_BYTES: Final = 16_384  # a long letter
TAGS_MAX_COUNT: Final = 16
TITLE_MAX_CHARACTERS: Final = 200
BOX_MIN_BYTES: Final = 40  # of a sealed text: nonce and seal around nothing
BOX_MAX_BYTES: Final = 16_680  # the longest text, padded, with nonce and seal
SEALED_KEY_BYTES: Final = 80  # a key of 32 bytes in a sealed box
SEALS_MAX_COUNT: Final = 32  # devices of two parties and three mediators, with room

# --- files and links ------------------------------------------------------------------------------
INVITATION_CODE_SIZE_BYTES: Final = 16  # cannot be guessed, and fits a link
INVITATION_ADDRESSES_MAX_COUNT: Final = 16
INVITATION_LINK_MAX_CHARACTERS: Final = 98_304  # the largest genesis document, in base64
EXPORT_HEAD_MAX_BYTES: Final = 98_304  # the largest genesis document, in base64, has 87,400
EXPORT_LINE_MAX_BYTES: Final = 65_536  # the largest record, in base64, has 44,500
RECEIPT_CLOSURE_MAX_COUNT: Final = 20_000  # records in one receipt: 10 MB, checked in 3 s
RECEIPT_SIZE_MAX_BYTES: Final = 67_108_864  # 100,000 records: years of a busy member's closure
CLOSE_PATH_MAX_COUNT: Final = 53  # siblings of a leaf: as many leaves as a sum can count
CLOSE_PROOF_SIZE_MAX_BYTES: Final = 1_048_576  # an act, 16 approvals, their devices: 100 kB
RECEIPT_RECORDS_MAX_COUNT: Final = 262_144  # more real records than a file of that size holds
STATEMENT_LINES_MAX_COUNT: Final = 65_536  # trades of a month: ninety an hour, day and night
STATEMENT_SIZE_MAX_BYTES: Final = 67_108_864  # as much as a receipt; 300 bytes a line and its note
PART_MAX_CHARACTERS: Final = 4_296  # what the largest QR code holds of its alphanumeric characters
PARTS_MAX_COUNT: Final = 999  # three digits; nobody scans so many, but a file may hold them
PARTS_DATA_MAX_BYTES: Final = 1_048_576  # unpacked: no bombs
NOTE_SIZE_MAX_BYTES: Final = 262_144  # a thousand records; whoever lacks more is given an export
NOTE_BATCHES_MAX_COUNT: Final = 8  # 1,024 records
NOTE_TRADES_MAX_COUNT: Final = 16
NOTE_HAVE_MAX_COUNT: Final = 64  # 512 bytes: half a QR code at most
NOTE_LACKING_MAX_COUNT: Final = 64
NOTE_ORDER_MAX_BYTES: Final = 4_096

# --- sync and gossip ------------------------------------------------------------------------------
FRAME_SIZE_MAX_BYTES: Final = 262_144  # gossip drops over 1 MiB silently; a quarter leaves room
FRAME_INFLATED_MAX_BYTES: Final = 1_048_576  # what one frame may unpack to: no bombs
FRAME_RECORDS_MAX_COUNT: Final = 128  # beyond this, batching gains nothing (measured)
FRAME_TARGET_BYTES: Final = 65_536  # one buffered stream read
RANGE_ENTRIES_MAX_COUNT: Final = 2_048
LANES_WANTED_MAX_COUNT: Final = 1_024  # lanes one want message may name
HINT_RECORDS_MAX_COUNT: Final = 256  # records in one gossip message; about 60 kB of small ones
HINT_SYNCED_MAX_COUNT: Final = 32  # of what sync brought at once, so much is told on as a hint
LOCATOR_MAX_COUNT: Final = 48  # 2^40 records by doubling steps, plus a few heads
SYNC_VERSION: Final = 1
FRAMES_IN_FLIGHT_MAX_COUNT: Final = 32  # some are verified while others are stored and acknowledged
WINDOW_BYTES: Final = 1_048_576  # unacknowledged, on the way or being stored: 4 MB unpacked
RANGE_PIECES_COUNT: Final = 16  # pieces a differing range is cut into
RANGE_LEAF_ITEMS_COUNT: Final = 64  # up to here a list is smaller than another cut
RANGE_QUEUED_MAX_COUNT: Final = 16_384  # differing ranges waiting for their turn
RANGE_TURNS_MAX_COUNT: Final = 1_024  # the longest honest round (131,072 heads) takes about 200
HEADS_TURN_MAX_COUNT: Final = 2_000  # 97 bytes each: fills three quarters of the largest frame
HEADS_ROUND_MAX_COUNT: Final = 131_072  # heads one side tells in a round: 25 MB of memory
LANE_TABLE_MAX_COUNT: Final = 8_192  # lanes a stream of records remembers: 2 MB of memory
ANSWER_RECORDS_MAX_COUNT: Final = 524_288  # records of one answer: 4 MB of numbers, then sorted
ANSWERS_EMPTY_MAX_COUNT: Final = 16  # told heads and no records, so often in a row: a liar
BODIES_WANTED_MAX_COUNT: Final = 256  # a large frame's worth of letters
BODIES_ASKED_MAX_COUNT: Final = 4_096  # bodies asked from one neighbour in one session
HEADS_REFUSED_MAX_COUNT: Final = 16_384  # heads remembered as fetched in vain
PROOFS_MESSAGE_MAX_COUNT: Final = 64  # 768 bytes each
PROOFS_SESSION_MAX_COUNT: Final = 4_096  # 0.6 s of verification
AGENT_MAX_CHARACTERS: Final = 64
FEATURES_MAX_COUNT: Final = 16  # words by which later programs know each other
NONCE_SIZE_BYTES: Final = 16
HELLO_MAX_MS: Final = 5_000
PROGRESS_MAX_MS: Final = 30_000  # something is owed and nothing moves
KEEPALIVE_INTERVAL_MS: Final = 20_000
SILENCE_MAX_MS: Final = 60_000  # three keepalives missed
CHANGE_DELAY_MS: Final = 10  # changes wait so long for company before a round
PULL_DELAY_MAX_MS: Final = 500  # when gossip was faster every time, it gets this head start
RETRY_FIRST_MS: Final = 10_000  # a head that could not be taken in is asked for again
RETRY_MAX_MS: Final = 600_000
PEER_WORK_PER_S_US: Final = 400_000  # of a processor's second, for one neighbour's questions
PEER_WORK_BURST_US: Final = 2_000_000  # a fresh neighbour comparing a hundred thousand heads
PEER_WORK_DEBT_MAX_US: Final = 8_000_000  # messages nobody asked for, far beyond: flood

# --- wallet: phrases, key files, backups ----------------------------------------------------------
PHRASE_WORDS_COUNT: Final = 24  # 256 bits of entropy and 8 of checksum (BIP-39)
PHRASE_MAX_CHARACTERS: Final = 4_096  # ten times the longest phrase, numbered and spaced
PHRASE_SUGGESTIONS_MAX_COUNT: Final = 3  # more would be guessing, and would not be read
PASSPHRASE_MAX_BYTES: Final = 1_024  # a paragraph
PASSPHRASE_MEMORY_BYTES: Final = 67_108_864  # 64 MiB, 3 passes, 4 lanes: 0.24 s, fits a Pi
PASSPHRASE_PASSES_COUNT: Final = 3
PASSPHRASE_LANES_COUNT: Final = 4
PASSPHRASE_MEMORY_MAX_BYTES: Final = 268_435_456  # what a file of somebody else may make us use
PASSPHRASE_PASSES_MAX_COUNT: Final = 16
PASSPHRASE_LANES_MAX_COUNT: Final = 16
KEY_FILE_MAX_BYTES: Final = 1_024  # a key file has about 300 bytes
BACKUP_SEGMENT_BYTES: Final = 65_536  # flat memory; 16 bytes of seal on each are nothing

# --- network: connections, budgets, patience ------------------------------------------------------
CONNECTIONS_MAX_COUNT: Final = 128  # each costs 60 to 130 kB and a handful of tasks (measured)
CONNECTIONS_RELAY_MAX_COUNT: Final = 1_024  # a relay serves a chapter; 200 connections took 25 MB
CONNECTIONS_PER_PEER_MAX_COUNT: Final = 1  # a second one only while both dial at once
HANDSHAKES_MAX_COUNT: Final = 32  # unfinished at once: they cost CPU and nobody has a name yet
HANDSHAKE_MAX_S: Final = 8  # a phone on a bad line needs three; a silent socket gets no more
ARRIVALS_BURST_COUNT: Final = 64  # new connections from one IP address at once
ARRIVALS_PER_S: Final = 4  # and steadily after that: a host key costs nothing, an address does
STREAMS_PER_CONNECTION_MAX_COUNT: Final = 32  # an honest peer holds two to six open
STREAMS_BURST_COUNT: Final = 64  # streams a peer may open at once
STREAMS_PER_S: Final = 8  # and steadily: ping, identify, gossip and sync open few
STREAM_UNREAD_MAX_BYTES: Final = 1_048_576  # Yamux's window is 256 KiB; libp2p does not enforce it
CONNECTION_UNREAD_MAX_BYTES: Final = 4_194_304  # unread over all streams of a connection
SEGMENT_MAX_BYTES: Final = 1_048_576  # one Yamux data frame; libp2p peers send 64 KiB
PEER_BYTES_PER_S: Final = 16_777_216  # twice what intake can digest; credits keep sync far below
PEER_BYTES_BURST_BYTES: Final = 33_554_432
PEER_SEGMENTS_PER_S: Final = 4_000  # Yamux frames: an honest burst of gossip has some hundreds
PEER_SEGMENTS_BURST_COUNT: Final = 16_000
PEER_FRAMES_PER_S: Final = 500  # sync frames; at 64 KiB each that is 32 MB/s
PEER_FRAMES_BURST_COUNT: Final = 2_000
PEER_RECORDS_PER_S: Final = 20_000  # twice the fastest intake measured
PEER_RECORDS_BURST_COUNT: Final = 40_000
FLOOD_PATIENCE_S: Final = 1.5  # throttled so long without a pause is a flood: cut off
GOSSIP_MESSAGES_PER_S: Final = 200  # beyond, hints are ignored (a message costs 1.5 ms CPU)
GOSSIP_MESSAGES_BURST_COUNT: Final = 400
GOSSIP_BYTES_PER_S: Final = 2_097_152  # hints are kept 5 s for neighbours that missed them
GOSSIP_BYTES_BURST_BYTES: Final = 8_388_608
GOSSIP_FLOOD_PER_S: Final = 400  # envelopes and messages together; more is a flood: cut off
GOSSIP_FLOOD_BURST_COUNT: Final = 2_000
GOSSIP_RPC_MAX_BYTES: Final = 1_048_576  # libp2p's own bound; several messages may share one
GOSSIP_RPC_MESSAGES_MAX_COUNT: Final = 128
GOSSIP_CONTROL_MAX_COUNT: Final = 5_000  # message ids one envelope may name (js-libp2p's bound)
GOSSIP_QUEUE_MAX_COUNT: Final = 256  # messages waiting for one peer; what does not fit is dropped
GOSSIP_DELAY_MAX_S: Final = 0.01  # records wait so long for company before they are gossiped
GOSSIP_PENDING_MAX_COUNT: Final = 4_096  # records waiting to be gossiped; sync brings the rest
GOSSIP_HEARTBEAT_S: Final = 1
GOSSIP_DEGREE_COUNT: Final = 6
GOSSIP_DEGREE_LOW_COUNT: Final = 4
GOSSIP_DEGREE_HIGH_COUNT: Final = 12
GOSSIP_TRIM_S: Final = 60  # how often what libp2p never trims is cleared
ADDRESSES_SHARE_S: Final = 300  # how often neighbours hear which addresses work
SYNC_QUEUE_MAX_BYTES: Final = 4_194_304  # frames waiting to be written; the engine keeps far below
FRAME_READ_MAX_S: Final = 20  # from a frame's first byte to its last
WRITE_MAX_S: Final = 10  # a peer that takes nothing so long is cut off
DIAL_MAX_S: Final = 10
STREAM_OPEN_MAX_S: Final = 5  # the 257th stream of a connection would wait for ever
PING_INTERVAL_S: Final = 15
PING_MAX_S: Final = 3  # a stopped process keeps its socket open: only this notices
FAREWELL_S: Final = 0.5  # between a good-bye and the end of the connection
STOP_MAX_S: Final = 3  # clean farewell to the neighbours
NEIGHBOURS_TARGET_COUNT: Final = 8  # gossip's degree and two to spare
REDIAL_FIRST_S: Final = 1
REDIAL_MAX_S: Final = 300  # a neighbour back after a night is found in five minutes
REDIAL_GIVEN_MAX_S: Final = 30  # named by the user: somebody may be waiting
REDIAL_JITTER_SHARE: Final = 0.3  # nobody dials in step after a power cut
REDIAL_FORGET_COUNT: Final = 10  # failures in a row after which a learned address is dropped
DIALS_AT_ONCE_MAX_COUNT: Final = 4
BOOK_PEERS_MAX_COUNT: Final = 512
BOOK_ADDRESSES_PER_PEER_MAX_COUNT: Final = 4
ADDRESS_SIZE_MAX_BYTES: Final = 256  # a DNS name is at most 253
ADDRESSES_TOLD_MAX_COUNT: Final = 32  # addresses taken from one message of a neighbour
CONDUCT_POINTS_MAX_COUNT: Final = 10  # where patience ends
CONDUCT_FORGIVEN_PER_S: Final = 0.05  # a point in 20 s
CONDUCT_PEERS_MAX_COUNT: Final = 4_096
BAN_FIRST_S: Final = 60
BAN_FACTOR_COUNT: Final = 4  # 1 min, 4 min, 16 min, 1 h …
BAN_MAX_S: Final = 86_400
LOG_BURST_COUNT: Final = 20  # lines of libp2p that pass at once
LOG_PER_S: Final = 0.2

# --- storage --------------------------------------------------------------------------------------
DATABASE_PAGE_BYTES: Final = 4_096  # a sector of flash disks, a page of memory
WRITER_CACHE_BYTES: Final = 33_554_432  # the inner pages of every tree of a million records
READER_CACHE_BYTES: Final = 4_194_304  # each reader has its own; the system caches the rest
CHECKPOINT_PAGES_COUNT: Final = 4_096  # 16 MiB of log: hot pages are written once, not each time
LOG_SIZE_MAX_BYTES: Final = 67_108_864  # a log that a slow reader let grow is cut back to this
BUSY_WAIT_MS: Final = 5_000  # somebody else's backup or check of the file; then we say so
GROUP_JOBS_MAX_COUNT: Final = 512  # jobs that share one commit; more gain nothing (measured)
GROUP_SIZE_MAX_BYTES: Final = 8_388_608  # half a log between checkpoints
WRITER_QUEUE_MAX_COUNT: Final = 8_192  # jobs waiting; beyond it the disk is hopelessly behind
PROBE_SIZE_BYTES: Final = 65_536  # what must fit, twice, before writing starts again on a full disk
EVENTS_KEPT_MAX_COUNT: Final = 65_536  # a client that was away for longer reads its lists anew
EVENTS_TRIM_EVERY_COUNT: Final = 1_024  # trimming each time would cost a write each
BULK_RECORDS_COUNT: Final = 256  # records of one commit that tell of an import or a sync
BULK_S: Final = 1.0  # so long after the last such commit more may come
READERS_MAX_COUNT: Final = 16  # connections of one thread: as many snapshots open at once

# --- local API ------------------------------------------------------------------------------------
REQUEST_BODY_MAX_BYTES: Final = 131_072  # three times the largest text a body may hold, escaped
IMPORT_BODY_MAX_BYTES: Final = 1_073_741_824  # taken in as it comes; what a large community weighs
NOTE_REQUEST_MAX_BYTES: Final = 524_288  # the largest note, in parts
REQUEST_TARGET_MAX_BYTES: Final = 4_096  # path and query: a long search in Hangul, escaped
REQUEST_HEADERS_MAX_BYTES: Final = 16_384
REQUEST_BODY_MAX_S: Final = 30  # a local client has its body ready
RESPONSE_WRITE_MAX_S: Final = 10  # a client that takes nothing so long is dropped
API_CONNECTIONS_MAX_COUNT: Final = 128  # a browser holds six; the rest waits
API_IDLE_MAX_S: Final = 30  # an open connection without a request
API_STOP_MAX_S: Final = 2  # requests under way when the node stops
CONTACT_NOTE_MAX_BYTES: Final = 4_096
PAGE_ITEMS_MAX_COUNT: Final = 200
PAGE_ITEMS_USUAL_COUNT: Final = 50
CURSOR_MAX_CHARACTERS: Final = 512
TOKEN_MAX_CHARACTERS: Final = 128
TOKEN_SECRET_BYTES: Final = 32  # nobody guesses 256 bits
TOKENS_MAX_COUNT: Final = 64  # clients of one member
TOKEN_LIFE_MAX_DAYS: Final = 3_650
IDEMPOTENCY_KEY_MAX_CHARACTERS: Final = 128
IDEMPOTENCY_KEPT_HOURS: Final = 24  # longer than anybody retries
EVENT_STREAMS_MAX_COUNT: Final = 64  # open tabs and bots of one member
EVENTS_READ_AT_ONCE_COUNT: Final = 128
EVENTS_BULK_PAUSE_S: Final = 0.1  # between such pages while records stream in
EVENTS_HEARTBEAT_S: Final = 15  # proxies and phones close what is silent for longer
EVENTS_RETRY_MS: Final = 1_000  # how soon a client comes back
PENDING_MAX_COUNT: Final = 16_384  # records that wait in memory for what they name
PENDING_SIZE_MAX_BYTES: Final = 33_554_432  # of all sources together; a Raspberry Pi has 1 GB
PENDING_SOURCE_MAX_COUNT: Final = 4_096  # of one source: a quarter, so that four cannot starve it
PENDING_SOURCE_SIZE_MAX_BYTES: Final = 8_388_608
REBUILD_BATCH_COUNT: Final = 1_000  # records refolded in one commit
RUN_KEPT_COUNT: Final = 10_000  # records that a check cut short does again, at most: seconds
DISK_FREE_LOW_BYTES: Final = 268_435_456  # below this the doctor warns: weeks of a busy chapter
SEARCH_BATCH_COUNT: Final = 500  # documents indexed in one commit: a tenth of a second
SEARCH_DELAY_MS: Final = 50  # lets documents gather; a reader does not notice
SEARCH_RETRY_S: Final = 10  # after the disk refused
SEARCH_CLOSE_WAIT_S: Final = 30  # a batch under way on a slow machine
SEARCH_WORDS_MAX_COUNT: Final = 16  # of one query; more only cost
SEARCH_QUERY_MAX_CHARACTERS: Final = 256
SEARCH_PAGE_MAX_COUNT: Final = 100
SEARCH_WORD_MAX_CHARACTERS: Final = 8  # longer runs of CJK are sentences, not words
SEARCH_STALE_MAX_COUNT: Final = 1_000  # documents changed before the index is put in order

# --- services: notes handed from person to person -------------------------------------------------
NOTE_HAVE_TOLD_COUNT: Final = 32  # 256 bytes: what is newest is what the other side may lack
NOTE_TIPS_KEPT_MAX_COUNT: Final = 64  # remembered of each partner
HELD_VISITS_MAX_COUNT: Final = 4_096  # records looked at to find what a partner must hold: 0.2 s
IN_STEP_MARGIN_MS: Final = 600_000  # clocks go wrong, and gossip takes its time
IN_STEP_EVERY_MS: Final = 60_000  # how often it is written down that neighbours are in step

# --- services: talk and market --------------------------------------------------------------------
CLOCK_AHEAD_MAX_MS: Final = 3_600_000  # wrong by a summer time; more is hidden
BROWSE_SCAN_MAX_COUNT: Final = 2_000  # listings looked at for one page, when most have expired
DAY_MS: Final = 86_400_000
DISPUTE_TAKE_DAYS: Final = 3  # a mediator who looks once a weekend is still in time
DISPUTE_SHARE_DAYS: Final = 1  # so long the author of evidence has to pass its key on himself
EVIDENCE_MAX_COUNT: Final = 64  # shown of each speaker in a case
DISPUTE_DEVICES_MAX_COUNT: Final = 8  # of one reader, for whom evidence is sealed
WRITER_ROWS_KEPT_MAX_COUNT: Final = 24_576  # rows of state kept in memory, twice: some 15 MB

/**
 * The inner loops of the snappy and lz4 coders as WebAssembly: several times as fast as the same loops in JavaScript.
 *
 * The encoders write the same bytes as those in JavaScript. The decoders answer −1 to anything that is wrong, without saying what: the decoder
 * in JavaScript then reads the same bytes and says it. A copy may write up to fifteen bytes past what was asked for and read as many; the
 * arena has room for that.
 */
import { assembleModule, type ModuleFunction } from './assemble-module.ts';

/** An encoder's table of positions: 16 bits each, found by a hash of so many bits. */
export const TABLE_BITS = 14;

/** The table stands at the start of the memory. */
export const TABLE_BYTES = 2 << TABLE_BITS;

/** Multiplier of lz4's hash. */
export const LZ4_HASH = 0x9e3779b1;
/** Snappy's. */
export const SNAPPY_HASH = 0x1e35a7bd;

/** Copies `$length` bytes from `$from` to `$to`, sixteen at a time. */
const COPY_LITERAL = `
  (set $source $from) (set $at $to) (set $stop (add $to $length))
  (loop $copy
    (v128.store $at (v128.load $source))
    (set $source (add $source 16)) (set $at (add $at 16))
    (br_if $copy (lt_u $at $stop)))
  (set $from (add $from $length)) (set $to $stop)`;

/** Repeats `$length` bytes from `$distance` before `$to`: in steps that are no larger than the distance. */
const COPY_MATCH = `
  (if (ge_u (sub $distance 1) (sub $to $window)) (return -1))
  (if (gt_u $length (sub $limit $to)) (return -1))
  (set $source (sub $to $distance)) (set $at $to) (set $stop (add $to $length)) (set $to $stop)
  (block $copied
    (if (ge_u $distance 16)
      (loop $copy
        (v128.store $at (v128.load $source))
        (set $source (add $source 16)) (set $at (add $at 16))
        (br_if $copy (lt_u $at $stop)))
      (br $copied))
    (if (ge_u $distance 8)
      (loop $copy
        (i64.store $at (i64.load $source))
        (set $source (add $source 8)) (set $at (add $at 8))
        (br_if $copy (lt_u $at $stop)))
      (br $copied))
    (loop $copy
      (store8 $at (load8_u $source))
      (set $source (add $source 1)) (set $at (add $at 1))
      (br_if $copy (lt_u $at $stop))))`;

/** Adds the bytes of a long length to `$length`. */
const MORE_LENGTH = `
  (loop $again
    (if (ge_u $from $end) (return -1))
    (set $more (load8_u $from)) (set $from (add $from 1))
    (set $length (add $length $more))
    (br_if $again (eq $more 255)))`;

/** Answers the position after the last byte written. */
const lz4: ModuleFunction = {
  name: 'lz4',
  parameters: ['$from', '$end', '$to', '$limit', '$window'],
  locals: ['$token', '$length', '$more', '$distance', '$source', '$at', '$stop'],
  text: `
    (loop $sequence
      (if (ge_u $from $end) (return -1))
      (set $token (load8_u $from)) (set $from (add $from 1))
      (set $length (shr_u $token 4))
      (if (eq $length 15) ${MORE_LENGTH})
      (if (gt_u $length (sub $end $from)) (return -1))
      (if (gt_u $length (sub $limit $to)) (return -1))
      ${COPY_LITERAL}
      (if (eq $from $end) (return $to))
      (if (lt_u (sub $end $from) 2) (return -1))
      (set $distance (load16_u $from)) (set $from (add $from 2))
      (set $length (and $token 15))
      (if (eq $length 15) ${MORE_LENGTH})
      (set $length (add $length 4))
      ${COPY_MATCH}
      (br $sequence))`,
};

/** Answers `$limit`: a block tells its length beforehand. */
const snappy: ModuleFunction = {
  name: 'snappy',
  parameters: ['$from', '$end', '$to', '$limit', '$window'],
  locals: ['$tag', '$kind', '$length', '$more', '$distance', '$source', '$at', '$stop'],
  text: `
    (loop $element
      (if (ge_u $from $end)
        (if (ne $to $limit) (return -1))
        (return $to))
      (set $tag (load8_u $from)) (set $from (add $from 1))
      (set $kind (and $tag 3))
      (set $length (add (shr_u $tag 2) 1))
      (if (eq $kind 0)
        (if (gt_u $length 60)
          (set $more (sub $length 60))
          (if (gt_u $more (sub $end $from)) (return -1))
          (set $length (add (and (load $from) (shr_u -1 (sub 32 (shl $more 3)))) 1))
          (if (eq $length 0) (return -1))
          (set $from (add $from $more)))
        (if (gt_u $length (sub $end $from)) (return -1))
        (if (gt_u $length (sub $limit $to)) (return -1))
        ${COPY_LITERAL}
        (br $element))
      (set $more (shl 1 (sub $kind 1)))
      (if (gt_u $more (sub $end $from)) (return -1))
      (block $known
        (if (eq $kind 2) (set $distance (load16_u $from)) (br $known))
        (if (eq $kind 3) (set $distance (load $from)) (br $known))
        (set $distance (or (shl (shr_u $tag 5) 8) (load8_u $from)))
        (set $length (add (and (shr_u $tag 2) 7) 4)))
      (set $from (add $from $more))
      ${COPY_MATCH}
      (br $element))`,
};

/** Finds the next `$candidate` for the four bytes at `$here`, or leaves `$finished`; steps grow with the misses. */
function search(hash: number, shift: number): string {
  return `
    (br_if $finished (ge_u $here $last))
    (set $word (load $here))
    (set $slot (shl (shr_u (mul $word ${hash}) ${32 - TABLE_BITS}) 1))
    (set $candidate (add $start (load16_u $slot)))
    (store16 $slot (sub $here $start))
    (if (ne (load $candidate) $word)
      (set $here (add $here (shr_u $misses ${shift})))
      (set $misses (add $misses 1))
      (br $search))
    (set $misses ${1 << shift})`;
}

/** Enters a place near the end of a match into the table. */
function enter(hash: number): string {
  return `
    (if (lt_u $here $last)
      (store16 (shl (shr_u (mul (load (sub $here 2)) ${hash}) ${32 - TABLE_BITS}) 1) (sub (sub $here 2) $start)))`;
}

/** Sets `$at` to where the match of `$here` and `$candidate` ends, `$stop` at the latest. */
const COMPARE = `
  (set $source (add $candidate 4)) (set $at (add $here 4))
  (block $ended
    (block $tail
      (loop $words
        (br_if $tail (gt_u (add $at 4) $stop))
        (set $word (xor (load $at) (load $source)))
        (if (ne $word 0)
          (set $at (add $at (shr_u (ctz $word) 3)))
          (br $ended))
        (set $at (add $at 4)) (set $source (add $source 4))
        (br $words)))
    (loop $bytes
      (br_if $ended (ge_u $at $stop))
      (br_if $ended (ne (load8_u $at) (load8_u $source)))
      (set $at (add $at 1)) (set $source (add $source 1))
      (br $bytes)))`;

/** Copies `$count` bytes from `$literal` to `$to`. */
const WRITE_LITERAL = `
  (set $source $literal) (set $at $to) (set $stop (add $to $count))
  (loop $copy
    (v128.store $at (v128.load $source))
    (set $source (add $source 16)) (set $at (add $at 16))
    (br_if $copy (lt_u $at $stop)))
  (set $to $stop)`;

/** Writes what `$more` is above 15 as further length bytes. */
const WRITE_MORE = `
  (if (ge_u $more 15)
    (set $more (sub $more 15))
    (loop $again
      (if (ge_u $more 255)
        (store8 $to 255) (set $to (add $to 1))
        (set $more (sub $more 255))
        (br $again)))
    (store8 $to $more) (set $to (add $to 1)))`;

/** Writes the token for `$count` literals and `$rest` more than a match's four bytes, and the literals. */
const WRITE_SEQUENCE = `
  (store8 $to (or (shl (select $count 15 (lt_u $count 15)) 4) (select $rest 15 (lt_u $rest 15))))
  (set $to (add $to 1))
  (set $more $count)
  ${WRITE_MORE}
  ${WRITE_LITERAL}`;

const ENCODER_LOCALS = [
  '$start',
  '$last',
  '$literal',
  '$here',
  '$next',
  '$misses',
  '$word',
  '$slot',
  '$candidate',
  '$distance',
];

/** Answers the position after the block. */
const lz4Encode: ModuleFunction = {
  name: 'lz4Encode',
  parameters: ['$from', '$end', '$to'],
  locals: [...ENCODER_LOCALS, '$count', '$rest', '$more', '$source', '$at', '$stop'],
  text: `
    (memory.fill 0 0 ${TABLE_BYTES})
    (set $start $from) (set $literal $from) (set $here (add $from 1)) (set $last (sub $end 12)) (set $misses 64)
    (block $finished
      (loop $search
        ${search(LZ4_HASH, 6)}
        (block $met
          (loop $back
            (br_if $met (ge_u $literal $here))
            (br_if $met (ge_u $start $candidate))
            (br_if $met (ne (load8_u (sub $here 1)) (load8_u (sub $candidate 1))))
            (set $here (sub $here 1)) (set $candidate (sub $candidate 1))
            (br $back)))
        (set $stop (sub $end 5))
        ${COMPARE}
        (set $next $at)
        (set $distance (sub $here $candidate))
        (set $count (sub $here $literal))
        (set $rest (sub (sub $next $here) 4))
        ${WRITE_SEQUENCE}
        (store16 $to $distance) (set $to (add $to 2))
        (set $more $rest)
        ${WRITE_MORE}
        (set $here $next) (set $literal $next)
        ${enter(LZ4_HASH)}
        (br $search)))
    (set $count (sub $end $literal)) (set $rest 0)
    ${WRITE_SEQUENCE}
    (return $to)`,
};

/** Writes a tag with the high bits of a copy's length, and its distance in two bytes. */
const WRITE_FAR_COPY = (tag: string) => `(store8 $to ${tag}) (store16 (add $to 1) $distance) (set $to (add $to 3))`;

/** Writes the tag and length of `$count` literals, and the literals. */
const WRITE_SNAPPY_LITERAL = `
  (set $more (sub $count 1))
  (block $tagged
    (if (lt_u $count 61)
      (store8 $to (shl $more 2)) (set $to (add $to 1))
      (br $tagged))
    (if (lt_u $count 257)
      (store8 $to 240) (store8 (add $to 1) $more) (set $to (add $to 2))
      (br $tagged))
    (store8 $to 244) (store16 (add $to 1) $more) (set $to (add $to 3)))
  ${WRITE_LITERAL}`;

/** Answers the position after the block. */
const snappyEncode: ModuleFunction = {
  name: 'snappyEncode',
  parameters: ['$from', '$end', '$to'],
  locals: [...ENCODER_LOCALS, '$count', '$length', '$more', '$source', '$at', '$stop'],
  text: `
    (memory.fill 0 0 ${TABLE_BYTES})
    (set $length (sub $end $from))
    (loop $preamble
      (if (ge_u $length 128)
        (store8 $to (or $length 128)) (set $to (add $to 1))
        (set $length (shr_u $length 7))
        (br $preamble)))
    (store8 $to $length) (set $to (add $to 1))
    (set $start $from) (set $literal $from) (set $here (add $from 1)) (set $last (sub $end 15)) (set $misses 32)
    (block $finished
      (loop $search
        ${search(SNAPPY_HASH, 5)}
        (set $stop $end)
        ${COMPARE}
        (set $next $at)
        (set $distance (sub $here $candidate))
        (set $length (sub $next $here))
        (set $count (sub $here $literal))
        (if (gt_u $count 0) ${WRITE_SNAPPY_LITERAL})
        (loop $long
          (if (ge_u $length 68)
            ${WRITE_FAR_COPY('254')}
            (set $length (sub $length 64))
            (br $long)))
        (if (gt_u $length 64)
          ${WRITE_FAR_COPY('238')}
          (set $length (sub $length 60)))
        (block $written
          (if (or (ge_u $length 12) (ge_u $distance 2048))
            ${WRITE_FAR_COPY('(or (shl (sub $length 1) 2) 2)')}
            (br $written))
          (store8 $to (or (or (shl (shr_u $distance 8) 5) (shl (sub $length 4) 2)) 1))
          (store8 (add $to 1) $distance)
          (set $to (add $to 2)))
        (set $here $next) (set $literal $next)
        ${enter(SNAPPY_HASH)}
        (br $search)))
    (set $count (sub $end $literal))
    (if (gt_u $count 0) ${WRITE_SNAPPY_LITERAL})
    (return $to)`,
};

/** What the module exports; all arguments are positions in its memory. */
export interface BlockModule {
  readonly lz4: (from: number, end: number, to: number, limit: number, window: number) => number;
  readonly snappy: (from: number, end: number, to: number, limit: number, window: number) => number;
  readonly lz4Encode: (from: number, end: number, to: number) => number;
  readonly snappyEncode: (from: number, end: number, to: number) => number;
}

/** The bytes of the module. */
export function blockModule(): Uint8Array<ArrayBuffer> {
  return assembleModule([lz4, snappy, lz4Encode, snappyEncode]);
}

/*-------------------------------------------------------------------------
 *
 * readset.h
 *	  A compact set of row positions (TIDs) of one relation.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_READSET_H
#define STREAMING_READSET_H

#include "lib/stringinfo.h"
#include "storage/block.h"
#include "storage/itemptr.h"

typedef struct StreamReadSet StreamReadSet;

/* The members on one page: offsets 1..prefix except the listed ones. */
typedef struct StreamReadPage
{
	BlockNumber block;
	uint16		prefix;
	uint16		nmissing;
	OffsetNumber *missing;		/* ascending, all <= prefix */
} StreamReadPage;

/* An empty set; it and all that it grows to live in the current context. */
extern StreamReadSet *stream_readset_create(void);

/* Frees the set. */
extern void stream_readset_free(StreamReadSet *set);

/*
 * Says what the set's members on a page are: the n offsets, ascending.
 * Replaces what it held for the page; n = 0 removes the page.
 */
extern void stream_readset_put_page(StreamReadSet *set, BlockNumber block,
									const OffsetNumber *offsets, int n);

/* Removes all members on pages below block. */
extern void stream_readset_trim(StreamReadSet *set, BlockNumber block);

/* The entry of a page, or NULL when no row on it is a member. */
extern const StreamReadPage *stream_readset_page(const StreamReadSet *set,
												 BlockNumber block);

/* The first offset that is not a member, by the page's entry (may be NULL). */
extern OffsetNumber stream_readset_first_missing(const StreamReadPage *page);

/* Is the offset a member, by the page's entry (may be NULL)? */
extern bool stream_readset_member(const StreamReadPage *page,
								  OffsetNumber offset);

/* Number of pages with members. */
extern int	stream_readset_npages(const StreamReadSet *set);

/* Number of members. */
extern int64 stream_readset_count(const StreamReadSet *set);

/*
 * Appends the set in its stored form; the second reads it back and advances
 * *data.  Error XX001 if the stored form is damaged.
 */
extern void stream_readset_write(const StreamReadSet *set, StringInfo out);
extern StreamReadSet *stream_readset_read(const char **data, const char *end);

#endif

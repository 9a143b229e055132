/*-------------------------------------------------------------------------
 *
 * readset.c
 *	  A compact set of row positions (TIDs) of one relation.
 *
 * Rows that a view has read although older ones may still appear below them.
 * On nearly every page of a stream all rows up to some offset have been read,
 * except for a few: those of transactions that are still running, and those of
 * rolled-back ones.  So a page is kept as the highest member and the
 * exceptions.
 *
 * The stored form goes one step further: a run of consecutive pages with the
 * same highest member and no exceptions is one entry.  Behind a slow writer the
 * set may span many thousands of pages, and it is written with every batch.
 *
 * The pages are an array in block order.  Pages are nearly always added at its
 * end, and removed at its front when the reading position advances.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/off.h"

#include "base/compat.h"
#include "stream/readset.h"

struct StreamReadSet
{
	MemoryContext context;
	StreamReadPage *pages;		/* in block order */
	int			npages;
	int			allocated;
};

StreamReadSet *
stream_readset_create(void)
{
	StreamReadSet *set = palloc0(sizeof(StreamReadSet));

	set->context = CurrentMemoryContext;
	return set;
}

void
stream_readset_free(StreamReadSet *set)
{
	for (int i = 0; i < set->npages; i++)
		if (set->pages[i].missing)
			pfree(set->pages[i].missing);
	if (set->pages)
		pfree(set->pages);
	pfree(set);
}

/* Index of the first page at or above block. */
static int
lower_bound(const StreamReadSet *set, BlockNumber block)
{
	int			low = 0;
	int			high = set->npages;

	while (low < high)
	{
		int			mid = low + (high - low) / 2;

		if (set->pages[mid].block < block)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Makes room for one page at index i. */
static StreamReadPage *
insert_page(StreamReadSet *set, int i)
{
	if (set->npages == set->allocated)
	{
		int			allocated = Max(8, set->allocated * 2);
		Size		size = sizeof(StreamReadPage) * allocated;

		if (set->pages == NULL)
			set->pages = MemoryContextAllocHuge(set->context, size);
		else
			set->pages = repalloc_huge(set->pages, size);
		set->allocated = allocated;
	}
	memmove(&set->pages[i + 1], &set->pages[i],
			sizeof(StreamReadPage) * (set->npages - i));
	set->npages++;
	memset(&set->pages[i], 0, sizeof(StreamReadPage));
	return &set->pages[i];
}

static void
remove_pages(StreamReadSet *set, int first, int n)
{
	for (int i = first; i < first + n; i++)
		if (set->pages[i].missing)
			pfree(set->pages[i].missing);
	memmove(&set->pages[first], &set->pages[first + n],
			sizeof(StreamReadPage) * (set->npages - first - n));
	set->npages -= n;
}

void
stream_readset_put_page(StreamReadSet *set, BlockNumber block,
						const OffsetNumber *offsets, int n)
{
	int			i = lower_bound(set, block);
	bool		found = i < set->npages && set->pages[i].block == block;
	StreamReadPage *page;
	int			nmissing;

	if (n == 0)
	{
		if (found)
			remove_pages(set, i, 1);
		return;
	}
	page = found ? &set->pages[i] : insert_page(set, i);
	if (page->missing)
		pfree(page->missing);
	page->block = block;
	page->prefix = offsets[n - 1];
	page->missing = NULL;
	nmissing = page->prefix - n;
	page->nmissing = nmissing;
	if (nmissing > 0)
	{
		OffsetNumber next = FirstOffsetNumber;
		int			m = 0;

		page->missing = MemoryContextAlloc(set->context,
										   sizeof(OffsetNumber) * nmissing);
		for (int k = 0; k < n; k++)
		{
			while (next < offsets[k])
				page->missing[m++] = next++;
			next = offsets[k] + 1;
		}
		Assert(m == nmissing);
	}
}

void
stream_readset_trim(StreamReadSet *set, BlockNumber block)
{
	int			n = lower_bound(set, block);

	if (n > 0)
		remove_pages(set, 0, n);
}

const StreamReadPage *
stream_readset_page(const StreamReadSet *set, BlockNumber block)
{
	int			i = lower_bound(set, block);

	if (i < set->npages && set->pages[i].block == block)
		return &set->pages[i];
	return NULL;
}

OffsetNumber
stream_readset_first_missing(const StreamReadPage *page)
{
	if (page == NULL)
		return FirstOffsetNumber;
	return page->nmissing > 0 ? page->missing[0] : page->prefix + 1;
}

bool
stream_readset_member(const StreamReadPage *page, OffsetNumber offset)
{
	int			low = 0;
	int			high;

	if (page == NULL || offset > page->prefix)
		return false;
	high = page->nmissing;
	while (low < high)
	{
		int			mid = low + (high - low) / 2;

		if (page->missing[mid] == offset)
			return false;
		if (page->missing[mid] < offset)
			low = mid + 1;
		else
			high = mid;
	}
	return true;
}

int
stream_readset_npages(const StreamReadSet *set)
{
	return set->npages;
}

int64
stream_readset_count(const StreamReadSet *set)
{
	int64		count = 0;

	for (int i = 0; i < set->npages; i++)
		count += set->pages[i].prefix - set->pages[i].nmissing;
	return count;
}

/*
 * Stored form: number of runs; per run the distance of its first block from
 * the end of the run before, its number of pages, prefix, number of missing
 * offsets and these (only a run of one page has any).  All are varints, least
 * significant seven bits first.
 */
static void
put_varint(StringInfo out, uint32 value)
{
	while (value >= 0x80)
	{
		appendStringInfoChar(out, (char) (value | 0x80));
		value >>= 7;
	}
	appendStringInfoChar(out, (char) value);
}

static uint32
get_varint(const char **data, const char *end)
{
	uint32		value = 0;

	for (int shift = 0; shift < 35; shift += 7)
	{
		uint8		byte;

		if (*data >= end)
			break;
		byte = (uint8) *(*data)++;
		value |= (uint32) (byte & 0x7f) << shift;
		if ((byte & 0x80) == 0)
			return value;
	}
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("stored reading position is damaged")));
}

/* Number of pages in the run that begins at index i. */
static int
run_length(const StreamReadSet *set, int i)
{
	int			n = 1;

	if (set->pages[i].nmissing > 0)
		return 1;
	while (i + n < set->npages &&
		   set->pages[i + n].block == set->pages[i].block + n &&
		   set->pages[i + n].prefix == set->pages[i].prefix &&
		   set->pages[i + n].nmissing == 0)
		n++;
	return n;
}

void
stream_readset_write(const StreamReadSet *set, StringInfo out)
{
	BlockNumber next = 0;
	uint32		nruns = 0;
	int			length;

	for (int i = 0; i < set->npages; i += run_length(set, i))
		nruns++;
	put_varint(out, nruns);
	for (int i = 0; i < set->npages; i += length)
	{
		const StreamReadPage *page = &set->pages[i];

		length = run_length(set, i);
		put_varint(out, page->block - next);
		put_varint(out, length);
		put_varint(out, page->prefix);
		put_varint(out, page->nmissing);
		for (int k = 0; k < page->nmissing; k++)
			put_varint(out, page->missing[k]);
		next = page->block + length;
	}
}

StreamReadSet *
stream_readset_read(const char **data, const char *end)
{
	StreamReadSet *set = stream_readset_create();
	uint32		nruns = get_varint(data, end);
	BlockNumber next = 0;

	for (uint32 r = 0; r < nruns; r++)
	{
		BlockNumber block = next + get_varint(data, end);
		uint32		length = get_varint(data, end);
		uint16		prefix = get_varint(data, end);
		uint16		nmissing = get_varint(data, end);
		OffsetNumber *missing = NULL;

		if (nmissing > 0)
		{
			missing = palloc(sizeof(OffsetNumber) * nmissing);
			for (int k = 0; k < nmissing; k++)
				missing[k] = get_varint(data, end);
		}
		for (uint32 k = 0; k < length; k++)
		{
			StreamReadPage *page = insert_page(set, set->npages);

			page->block = block + k;
			page->prefix = prefix;
			page->nmissing = nmissing;
			page->missing = missing;
			missing = NULL;
		}
		next = block + length;
	}
	return set;
}

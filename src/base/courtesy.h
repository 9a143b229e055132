/*-------------------------------------------------------------------------
 *
 * courtesy.h
 *	  Leaving the processor to others in the middle of a batch.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_COURTESY_H
#define STREAMING_COURTESY_H

/*
 * From now on, for so many microseconds, this process lets others run every now and then,
 * and the time that they take is among these; 0: not.
 */
extern void stream_courtesy_begin(int64 us);

/* private */
extern int	stream_courtesy_rows;
extern void stream_courtesy_look(void);

#define STREAM_COURTESY_ROWS 8

/*
 * To be called for each row of a batch that is read or merged, where no lock is held for
 * which others would wait.
 */
static inline void
stream_courtesy(void)
{
	if (unlikely(stream_courtesy_rows > 0) && --stream_courtesy_rows == 0)
		stream_courtesy_look();
}

#endif

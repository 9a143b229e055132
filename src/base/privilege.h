/*-------------------------------------------------------------------------
 *
 * privilege.h
 *	  Who may see and do what with a continuous view.
 *
 * All of them are about the current user, take no locks, and are false for a
 * relation that is not there.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_PRIVILEGE_H
#define STREAMING_PRIVILEGE_H

/* Has he the rights of the view's owner?  Superusers have. */
extern bool stream_privilege_of_owner(Oid viewid);
/* An error if he has not. */
extern void stream_privilege_need_owner(Oid viewid);

/*
 * May he see what a batch of the view has failed with?  Such texts quote data
 * of the stream.  The owner may, and who has the rights of pg_read_all_stats.
 */
extern bool stream_privilege_sees_errors(Oid viewid);

/*
 * May he see figures that are data, such as the largest event time?  Those who
 * may see errors, and who has SELECT on the view.
 */
extern bool stream_privilege_sees_data(Oid viewid);

#endif

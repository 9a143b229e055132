/*-------------------------------------------------------------------------
 *
 * databases.h
 *	  Statements about databases, the extension and prepared transactions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_DATABASES_H
#define STREAMING_DATABASES_H

#include "command/statement.h"

/*
 * Handlers, each for one kind of statement.  Those that need a database to
 * themselves make our processes leave it while they run, if the user may do what
 * the statement says; if not, the server says so and nobody has left.
 */
extern void stream_databases_transaction(StreamStatement *s);
extern void stream_databases_drop_database(StreamStatement *s);
extern void stream_databases_rename(StreamStatement *s);
extern void stream_databases_create_database(StreamStatement *s);
extern void stream_databases_alter_database(StreamStatement *s);
extern void stream_databases_create_extension(StreamStatement *s);
extern void stream_databases_update_extension(StreamStatement *s);

#endif

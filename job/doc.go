// Package job does in the background what takes hours: it completes openids whose
// unionid is unknown, takes stock of who follows an account, and carries openids over
// when an account has moved.
//
// A [Runner] works on jobs that a [Store] keeps. Of a kind there is one job of an account
// at a time, and one process works on it, under a lease in [cluster.Shared], which may be
// lost. What may not is the fence in the job's own row: whoever takes a job raises it, and
// progress is written under it alone, so that a process that slept through the loss of its
// lease wakes up to do no harm. After a kill the job goes on from its cursor; what was done
// since the last save is done once more, which is why all works here bear repetition.
//
// The works themselves are made by [Kinds].
package job

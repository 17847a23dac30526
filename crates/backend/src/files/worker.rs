//! Work that takes long, on a thread of its own: jobs go there, reports come back, both in order.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// What does one job; most, but not all, jobs have a report.
pub(super) type Work<J, R> = Box<dyn FnMut(J) -> Option<R> + Send>;

/// A thread that does jobs; or, for tests, nobody but who gives them.
pub(super) enum Worker<J, R> {
    Thread {
        jobs: Option<Sender<J>>,
        reports: Receiver<R>,
        thread: Option<JoinHandle<()>>,
    },
    #[cfg(test)]
    Inline {
        work: Work<J, R>,
        reports: std::collections::VecDeque<R>,
    },
}

impl<J: Send + 'static, R: Send + 'static> Worker<J, R> {
    /// A thread of this name. `told` is called after each report.
    pub(super) fn spawn(
        name: &str,
        mut work: Work<J, R>,
        told: impl Fn() + Send + 'static,
    ) -> io::Result<Worker<J, R>> {
        let (give, jobs) = channel();
        let (tell, reports) = channel();
        let run = move || {
            for job in jobs {
                if let Some(report) = work(job)
                    && tell.send(report).is_ok()
                {
                    told();
                }
            }
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Worker::Thread { jobs: Some(give), reports, thread: Some(thread) })
    }

    /// Jobs are done while they are given.
    #[cfg(test)]
    pub(super) fn inline(work: Work<J, R>) -> Worker<J, R> {
        Worker::Inline { work, reports: Default::default() }
    }

    pub(super) fn give(&mut self, job: J) {
        match self {
            Worker::Thread { jobs, .. } => {
                let sent = jobs.as_ref().map(|jobs| jobs.send(job));
                debug_assert!(!matches!(sent, Some(Err(_))), "the thread ends after its last job");
            }
            #[cfg(test)]
            Worker::Inline { work, reports } => reports.extend(work(job)),
        }
    }

    pub(super) fn report(&mut self) -> Option<R> {
        match self {
            Worker::Thread { reports, .. } => reports.try_recv().ok(),
            #[cfg(test)]
            Worker::Inline { reports, .. } => reports.pop_front(),
        }
    }

    /// Waits until all jobs are done.
    pub(super) fn finish(&mut self) {
        match self {
            Worker::Thread { jobs, thread, .. } => {
                *jobs = None;
                if thread.take().is_some_and(|thread| thread.join().is_err()) {
                    tracing::error!("a thread of the store's files panicked");
                }
            }
            #[cfg(test)]
            Worker::Inline { .. } => {}
        }
    }
}

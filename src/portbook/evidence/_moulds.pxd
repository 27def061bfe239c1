from portbook.evidence._scanning cimport Scanner

cdef class Moulds(Scanner):
    cdef long long[::1] speeches
    cdef long long[::1] starts
    cdef unsigned long long[::1] keys
    cdef long long[::1] ends
    cdef readonly Py_ssize_t count
    cdef Py_ssize_t asked
    cdef Py_ssize_t answered
    cdef unsigned long long key
    cdef bint marked

    cdef int talk(self, Py_ssize_t number, int side, Py_ssize_t at, Py_ssize_t kept, Py_ssize_t total) except -1
    cdef int message(self, Py_ssize_t number, int side, int later, Py_ssize_t at, Py_ssize_t kept, Py_ssize_t length) except -1
    cdef int open(self) except -1
    cdef Py_ssize_t _any(self, Py_ssize_t number, int side, int later, Py_ssize_t at, Py_ssize_t limit, Py_ssize_t bound, bint exact) except -3
    cdef bint _known(self, int side) except -1
    cdef int mark(self, Py_ssize_t here, Py_ssize_t stop) except -1
    cdef Py_ssize_t _run(self, Py_ssize_t pc, Py_ssize_t here, Py_ssize_t limit, Py_ssize_t bound, bint exact) except -3

from portbook.evidence._signatures cimport Signatures


cdef class Heads:
    cdef const unsigned char[::1] payload
    cdef unsigned int[::1] marks
    cdef unsigned char[::1] octets
    cdef unsigned char[::1] pool
    cdef unsigned int[::1] scratch
    cdef unsigned char last
    cdef object stores
    cdef Signatures signatures
    cdef list spare
    cdef readonly Py_ssize_t pots
    cdef Py_ssize_t used
    cdef Py_ssize_t room

    cpdef attach(self)
    cpdef detach(self)
    cdef Py_ssize_t take(self) except -1
    cdef int hit(self, int transport, Py_ssize_t at, Py_ssize_t size) except -1
    cdef Py_ssize_t _join(self, Py_ssize_t m, Py_ssize_t start, Py_ssize_t end) except -1
    cdef bint may_grow(self, Py_ssize_t head) except -1
    cdef bint lacks(self, Py_ssize_t head, Py_ssize_t size) except -1
    cdef int extend(self, Py_ssize_t head, Py_ssize_t row, Py_ssize_t pot) except -1
    cdef int _shorten(self, Py_ssize_t head) except -1
    cdef bint append(self, Py_ssize_t head, Py_ssize_t at, Py_ssize_t size, Py_ssize_t length, bint many) except -1
    cdef bint settled(self, Py_ssize_t head, bint wanted) except -1
    cdef int note(self, Py_ssize_t head, Py_ssize_t start, Py_ssize_t end) except -1
    cdef int place(self, Py_ssize_t head, Py_ssize_t start, Py_ssize_t at, Py_ssize_t size) except -1
    cdef int copy(self, Py_ssize_t head, Py_ssize_t to, Py_ssize_t at, Py_ssize_t size) except -1

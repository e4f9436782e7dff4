//! landmarks
